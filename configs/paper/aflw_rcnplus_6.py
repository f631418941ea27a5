"""RCN+ on MTFL with the soft-argmax loss, tested on AFLW (2018 paper, Table S1).

Paper: 5.22 % on AFLW, 5.13 % on AFW. Network, data and training are those of
rcn_aflw.py.
"""

_base_ = ['../rcn_aflw.py']

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), target='four')
model = dict(
    head=dict(
        type='rcn_mmpose.SoftArgmaxHead',
        loss=dict(_delete_=True, type='rcn_mmpose.SoftArgmaxLoss', beta=1.0),
        decoder=codec,
    )
)
train_pipeline = [
    dict(step, encoder=codec) if step['type'] == 'GenerateTarget' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
