"""LRR's reconstruction and refinement on the RCN's trunk, on MTFL.

This experiment is not in the paper. Data, loss and training are those of
rcn_aflw.py. Levels of 20x20, 10x10 and 5x5 cells give score maps of 80x80,
40x40 and 20x20 cells.
"""

_base_ = ['../rcn_aflw.py']

model = dict(
    backbone=dict(_delete_=True, type='rcn_mmpose.Trunk', layers='mtfl', num_levels=5),
    neck=dict(type='FeatureMapProcessor', select_index=(2, 3, 4)),
    head=dict(type='rcn_mmpose.LRRHead', in_channels=(48, 48, 48)),
)
