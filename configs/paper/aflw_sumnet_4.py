"""SumNet with 4 branches, without occlusion: Tables 1 and 2.

Paper: 6.44 % on AFLW, 6.78 % on AFW.
"""

_base_ = ['aflw_sumnet_6.py']

model = dict(backbone=dict(num_branches=4), head=dict(in_channels=(16, 32, 48, 48)))

train_pipeline = [
    step
    for step in _base_.train_pipeline
    if step['type'] != 'rcn_mmpose.RandomOcclusion'
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
