"""The shipped model "rcn-5": RCN on MTFL, 5 keypoints, for any photograph.

    python tools/train.py configs/shipped/rcn_5.py --amp --device-data

MTFL's labels are 1-based. The paper and rcn_aflw.py do not correct this, so
their networks place every keypoint one pixel of the photograph too far right
and down, and mirrored faces would contradict the others. Here
``label_origin=1`` corrects the labels, and faces are mirrored. They are rotated
by up to 30 degrees, and four of ten are occluded. The target of a keypoint is
the four cells around it.
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
