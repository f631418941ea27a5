"""300W: 9 of 10 training faces to train, the others to validate.

Annotation files: python tools/dataset_converters/w300_to_coco.py data/300w
"""

dataset_type = 'rcn_mmpose.W300Dataset'
data_mode = 'topdown'
data_root = 'data/'

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), outside='mask')

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=40),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
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
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/300w_train.json',
        data_prefix=dict(img='300w/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/300w_val.json',
        data_prefix=dict(img='300w/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/300w_test.json',
        data_prefix=dict(img='300w/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = dict(type='rcn_mmpose.FaceNME')
test_evaluator = val_evaluator
