"""SumNet with the branches 1, 0, 0, 0 (coarsest to finest): Table 1.

Paper: 10.54 % on AFLW, 10.63 % on AFW. These errors are no target: with tiles
of 8x8 pixels, 11.97 % is the best possible error on AFLW; see
rcn_mmpose.SumNetHead.
"""

_base_ = ['aflw_sumnet_4.py']

model = dict(
    backbone=dict(mask=(1, 0, 0, 0)),
    head=dict(in_channels=(48,), map_size=(80, 80)),
)
