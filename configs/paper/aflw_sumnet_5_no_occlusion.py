"""SumNet with 5 branches, without occlusion: Table 2.

Paper: 6.42 % on AFLW, 6.53 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(backbone=dict(num_branches=5), head=dict(in_channels=(16, 32, 48, 48, 48)))
