"""SumNet with the branches 1, 0, 0, 1 (coarsest to finest): Table 1.

Paper: 6.91 % on AFLW, 7.51 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(1, 0, 0, 1)),
    head=dict(in_channels=(16, 48)),
)
