"""SumNet with the branches 0, 0, 1, 0 (coarsest to finest): Table 1.

Paper: 16.14 % on AFLW, 16.35 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(0, 0, 1, 0)),
    head=dict(in_channels=(32,), map_size=(80, 80)),
)
