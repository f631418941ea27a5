"""RCN on MTFL, tested on 300W's training faces reduced to five keypoints.

The test faces come from other sources than the training faces: AFW, HELEN and
LFPW.

Annotation file: python tools/dataset_converters/w300_to_coco.py data/300w
"""

_base_ = ['rcn_aflw.py']

test_dataloader = dict(
    dataset=dict(
        type='rcn_mmpose.W300FivePointsDataset',
        ann_file='annotations/300w_train.json',
        data_prefix=dict(img='300w/'),
    )
)
