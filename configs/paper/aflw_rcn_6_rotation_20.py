"""RCN with 6 branches, occlusion and +-20 degrees of rotation.

The paper says +-40 degrees (footnote 7), the authors' command for 5
keypoints +-20; aflw_rcn_6.py has the paper's.
"""

_base_ = ['aflw_rcn_6.py']

train_pipeline = [
    dict(step, rotation=20) if step['type'] == 'rcn_mmpose.UniformJitter' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
