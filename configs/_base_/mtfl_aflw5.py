"""MTFL for training and validation; its 2,995 AFLW faces for the test.

Annotation files: python tools/dataset_converters/mtfl2coco.py data/mtfl
"""

_base_ = ['faces.py']

dataset_type = 'rcn_mmpose.MTFLDataset'
images = dict(img='mtfl/')

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/mtfl_train.json',
        data_prefix=images,
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/mtfl_val.json',
        data_prefix=images,
    )
)
test_dataloader = dict(
    dataset=dict(
        type='rcn_mmpose.AFLW5Dataset',
        ann_file='annotations/aflw5_test.json',
        data_prefix=images,
    )
)
