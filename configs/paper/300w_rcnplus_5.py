"""RCN+ on 300W (Honari et al., CVPR 2018) with the soft-argmax loss only.

Paper: 4.47 % on the common set, 8.47 % on IBUG, 5.26 % on both. The branches
follow Figure S3 of the 2018 paper. Its optimiser is not known; data and
training are those of rcn_300w.py.
"""

_base_ = ['../rcn_300w.py']

codec = dict(
    type='rcn_mmpose.CellIndex',
    input_size=(80, 80),
    target='four',
    outside='mask',
)
model = dict(
    backbone=dict(
        _delete_=True,
        type='rcn_mmpose.RCN',
        num_branches=5,
        arch=dict(
            trunk=((64, 3),) * 5,
            branches=(
                ((64, 5), (64, 1), (64, 1)),
                ((64, 5), (64, 1)),
                ((64, 5), (64, 1)),
                ((64, 5), (64, 1)),
                ((64, 3), (64, 1)),
            ),
        ),
    ),
    head=dict(
        type='rcn_mmpose.SoftArgmaxHead',
        loss=dict(_delete_=True, type='rcn_mmpose.SoftArgmaxLoss', beta=1.0),
        decoder=codec,
    ),
)
train_pipeline = [
    dict(step, encoder=codec) if step['type'] == 'GenerateTarget' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
