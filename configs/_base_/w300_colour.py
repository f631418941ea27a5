"""300W in colour, crops of 160x160, for the backbones of MMPose.

Their finest maps have a stride of 4: 40x40 cells, so a keypoint's target are
the four cells around it.
"""

_base_ = ['w300.py']

codec = dict(
    type='rcn_mmpose.CellIndex',
    input_size=(160, 160),
    heatmap_size=(40, 40),
    target='four',
    outside='mask',
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=40),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=val_pipeline))
