"""RCN with the branches 0, 1, 1, 1 (coarsest to finest): Table 1.

Paper: 7.62 % on AFLW, 7.95 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(mask=(0, 1, 1, 1)))
