"""Data loaders with grey crops of 80x80 pixels, for any face dataset.

A dataset's config adds the type, the annotation file and the images of each
part.
"""

data_mode = 'topdown'
data_root = 'data/'

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80))

# +-20 degrees instead of the paper's +-40 (footnote 7): most faces are nearly
# upright.
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
    # Deterministic: a face's augmentation depends on seed, epoch and face alone.
    sampler=dict(type='rcn_mmpose.EpochSampler', shuffle=True),
    dataset=dict(data_mode=data_mode, data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        data_mode=data_mode,
        data_root=data_root,
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
        data_mode=data_mode,
        data_root=data_root,
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = dict(type='rcn_mmpose.FaceNME')
test_evaluator = dict(type='rcn_mmpose.FaceNME', detailed=True, out_file='errors.csv')
