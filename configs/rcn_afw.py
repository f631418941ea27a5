"""RCN on MTFL, 5 keypoints, tested on AFW: rcn_aflw.py with another test set.

Annotation file: python tools/dataset_converters/afw2coco.py data/afw
"""

_base_ = ['rcn_aflw.py']

test_dataloader = dict(
    dataset=dict(
        type='rcn_mmpose.AFWDataset',
        ann_file='annotations/afw_test.json',
        data_prefix=dict(img='afw/'),
    )
)
