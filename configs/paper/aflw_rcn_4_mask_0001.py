"""RCN with the branches 0, 0, 0, 1 (coarsest to finest): Table 1.

Paper: 46.87 % on AFLW, 48.61 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(mask=(0, 0, 0, 1)))
