"""RCN with the branches 1, 0, 0, 0 (coarsest to finest): Table 1.

Paper: 10.61 % on AFLW, 10.89 % on AFW. No target: the paper does not say
where the last convolution sits. Here it reads tiled features and can tell the
rim of a tile of 8x8 pixels from its inside, but no more; a tile taken as one
gives 11.97 % at best on AFLW, see rcn_mmpose.SumNetHead.
"""

_base_ = ['aflw_rcn_4.py']

# the head reads the 48 features of the 10x10 branch, tiled up
model = dict(backbone=dict(mask=(1, 0, 0, 0)), head=dict(in_channels=48))
