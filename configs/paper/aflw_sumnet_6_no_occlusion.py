"""SumNet with 6 branches, without occlusion: Table 2.

Paper: 6.34 % on AFLW, 6.48 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(num_branches=6),
    head=dict(in_channels=(16, 32, 48, 48, 48, 48)),
)
