"""SumNet with the branches 0, 0, 0, 1 (coarsest to finest): Table 1.

Paper: 45.39 % on AFLW, 47.97 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(0, 0, 0, 1)),
    head=dict(in_channels=(16,)),
)
