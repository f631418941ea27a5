"""SumNet with the branches 0, 1, 1, 1 (coarsest to finest): Table 1.

Paper: 7.91 % on AFLW, 8.22 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(0, 1, 1, 1)),
    head=dict(in_channels=(16, 32, 48)),
)
