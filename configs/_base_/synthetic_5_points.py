"""Faces the project makes itself, 5 keypoints.

Made by: python tools/render_faces.py --out data/synthetic
"""

dataset_type = 'rcn_mmpose.OwnFaceDataset'
data_mode = 'topdown'
data_root = 'data/synthetic/'

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=20),
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
        ann_file='annotations/train_5.json',
        data_prefix=dict(img='images/train/'),
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
        ann_file='annotations/val_5.json',
        data_prefix=dict(img='images/val/'),
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
        type=dataset_type,
        data_mode=data_mode,
        data_root=data_root,
        ann_file='annotations/test_5.json',
        data_prefix=dict(img='images/test/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = dict(type='rcn_mmpose.FaceNME')
test_evaluator = val_evaluator
