"""SumNet with the branches 0, 1, 0, 0 (coarsest to finest): Table 1.

Paper: 11.28 % on AFLW, 11.43 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(0, 1, 0, 0)),
    head=dict(in_channels=(48,), map_size=(80, 80)),
)
