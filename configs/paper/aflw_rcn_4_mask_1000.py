"""RCN with the branches 1, 0, 0, 0 (coarsest to finest): Table 1.

Paper: 10.61 % on AFLW, 10.89 % on AFW. These errors are no target, because the
paper does not say where the last convolution is. Here it reads tiled features:
it distinguishes the border of a tile of 8x8 pixels from the inside, but nothing
finer. Without that distinction, 11.97 % is the best possible error on AFLW; see
rcn_mmpose.SumNetHead.
"""

_base_ = ['aflw_rcn_4.py']

# The head reads the 48 features of the 10x10 branch, tiled to 80x80.
model = dict(backbone=dict(mask=(1, 0, 0, 0)), head=dict(in_channels=48))
