"""The joint model of joint_300w.py, tested with a black rectangle on each face.

The rectangles are the same as in rcn_300w_occluded.py.
"""

_base_ = ['joint_300w.py']

test_pipeline = [
    *_base_.val_pipeline[:-1],
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80), seed=0),
    _base_.val_pipeline[-1],
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
