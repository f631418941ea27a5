"""The model "rcn-5": RCN on MTFL, for images as they come.

    python tools/train.py configs/shipped/rcn_5.py --amp --device-data

MTFL's lists count pixels from 1. Taken as they are, as by the paper and by
rcn_aflw.py, they teach a network to place every keypoint a pixel of the
photograph too far to the right and below, and mirrored faces to contradict
the others. Counted from 1 they do not, so faces are mirrored here. They are
turned by up to 30 degrees, and four of ten are occluded. The four cells
around a keypoint are its target.
"""

_base_ = ['../rcn_aflw.py']

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), target='four')
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=30),
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(0.25, 0.625), prob=0.4),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(label_origin=1, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(label_origin=1))
test_dataloader = dict(dataset=dict(label_origin=1))

max_epochs = 90
train_cfg = dict(max_epochs=max_epochs)
_base_.param_scheduler[1].end = max_epochs
