"""300W in colour with crops of 160x160 pixels, for MMPose's backbones.

The finest maps of these backbones have a stride of 4, so the score maps have
40x40 cells. The target of a keypoint is the four cells around it.
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
