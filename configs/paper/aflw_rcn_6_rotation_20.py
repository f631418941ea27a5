"""RCN with 6 branches, occlusion and +-20 degrees of rotation.

The paper says +-40 degrees (footnote 7), which aflw_rcn_6.py uses. The 2016
release rotates faces with 5 keypoints by +-20 degrees.
"""

_base_ = ['aflw_rcn_6.py']

train_pipeline = [
    dict(step, rotation=20) if step['type'] == 'rcn_mmpose.UniformJitter' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
