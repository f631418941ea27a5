"""RCN with the branches 0, 1, 0, 0 (coarsest to finest): Table 1.

Paper: 11.56 % on AFLW, 11.87 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

# The head reads the 32 features of the 20x20 branch, tiled to 80x80.
model = dict(backbone=dict(mask=(0, 1, 0, 0)), head=dict(in_channels=32))
