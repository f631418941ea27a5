"""RCN with 6 branches, without occlusion, +-20 degrees of rotation."""

_base_ = ['aflw_rcn_6_rotation_20.py']

train_pipeline = [
    step
    for step in _base_.train_pipeline
    if step['type'] != 'rcn_mmpose.RandomOcclusion'
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
