"""SumNet with the branches 1, 1, 0, 0 (coarsest to finest): Table 1.

Paper: 9.47 % on AFLW, 9.65 % on AFW.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(1, 1, 0, 0)),
    head=dict(in_channels=(48, 48), map_size=(80, 80)),
)
