"""RCN on MTFL, tested on AFLW-5, by a recipe of today.

All choices were made on the 1,000 validation faces.
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_5_points.py',
    '_base_/mtfl_aflw5.py',
    '_base_/adamw_30_epochs.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))

# +-20 degrees instead of the paper's +-40: most faces are nearly upright.
train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=20),
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80)),
    dict(type='GenerateTarget', encoder={{_base_.codec}}),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
