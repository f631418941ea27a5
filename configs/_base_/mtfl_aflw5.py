"""MTFL for training and validation, the 2,995 AFLW faces as the test.

Annotation files: python tools/dataset_converters/mtfl2coco.py data/mtfl
"""

dataset_type = 'rcn_mmpose.MTFLDataset'
data_mode = 'topdown'
data_root = 'data/'

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=40),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80)),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/mtfl_train.json',
        data_prefix=dict(img='mtfl/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/mtfl_val.json',
        data_prefix=dict(img='mtfl/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='rcn_mmpose.AFLW5Dataset',
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/aflw5_test.json',
        data_prefix=dict(img='mtfl/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = dict(type='rcn_mmpose.FaceNME')
test_evaluator = val_evaluator
