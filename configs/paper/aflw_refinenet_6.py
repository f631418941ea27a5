"""RefineNet's refinement on the RCN's trunk, on MTFL, tested on AFLW.

This experiment is not in the paper. Data, head, loss and training are those of
rcn_aflw.py.
"""

_base_ = ['../rcn_aflw.py']

model = dict(
    backbone=dict(_delete_=True, type='rcn_mmpose.Trunk', layers='mtfl', num_levels=6),
    neck=dict(
        type='rcn_mmpose.RefineNet',
        in_channels=(16, 32, 48, 48, 48, 48),
        channels=(16, 16, 32, 48, 48, 48),
    ),
)
