"""The first training of the model "rcn-68": RCN on 300W, strong augmentation.

    python tools/train.py configs/shipped/rcn_68_first.py --amp --device-data

Faces are mirrored, rotated by up to 30 degrees and scaled by up to 15 %. Every
second face is occluded. The target of a keypoint is the four cells around it.
rcn_68_second.py starts from the best weights.
"""

_base_ = ['../rcn_300w.py']

codec = dict(
    type='rcn_mmpose.CellIndex',
    input_size=(80, 80),
    target='four',
    outside='mask',
)
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.15, rotation=30),
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(0.1, 0.4), prob=0.5),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

max_epochs = 40
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
_base_.param_scheduler[1].end = max_epochs
