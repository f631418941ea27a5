"""RCN with the branches 0, 0, 1, 0 (coarsest to finest): Table 1.

Paper: 15.78 % on AFLW, 15.91 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

# The head reads the 16 features of the 40x40 branch, tiled to 80x80.
model = dict(backbone=dict(mask=(0, 0, 1, 0)))
