"""RCN on synthetic faces, 5 keypoints: a training of a few minutes.

`make demo` renders the faces, trains and tests this config. The synthetic faces
already have many poses and occluders, so the crops get less jitter than real
faces and no further occlusion.
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_5_points.py',
    '_base_/synthetic_5_points.py',
    '_base_/adamw_30_epochs.py',
]

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), target='four')
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.06, scale=0.06, rotation=15),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(base_batch_size=16)

max_epochs = 32
train_cfg = dict(max_epochs=max_epochs, val_interval=4)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.05,
        begin=0,
        end=1,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        begin=1,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
