"""SumNet with 5 branches and occlusion: Table 2.

Paper: 6.29 % on AFLW, 6.34 % on AFW.
"""

_base_ = ['aflw_sumnet_6.py']

model = dict(backbone=dict(num_branches=5), head=dict(in_channels=(16, 32, 48, 48, 48)))
