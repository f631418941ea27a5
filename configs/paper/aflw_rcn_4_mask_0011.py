"""RCN with the branches 0, 0, 1, 1 (coarsest to finest): Table 1.

Paper: 12.67 % on AFLW, 13.53 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(mask=(0, 0, 1, 1)))
