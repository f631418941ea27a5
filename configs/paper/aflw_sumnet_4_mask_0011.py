"""SumNet with the branches 0, 0, 1, 1 (coarsest to finest): Table 1.

Paper: 13.90 % on AFLW, 14.14 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(0, 0, 1, 1)),
    head=dict(in_channels=(16, 32)),
)
