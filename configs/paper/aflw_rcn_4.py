"""RCN with 4 branches, without occlusion: Tables 1 and 2.

Paper: 6.37 % on AFLW, 6.43 % on AFW.
"""

_base_ = ['aflw_rcn_6.py']

model = dict(backbone=dict(num_branches=4))

train_pipeline = [
    step
    for step in _base_.train_pipeline
    if step['type'] != 'rcn_mmpose.RandomOcclusion'
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
