"""RCN with the branches 1, 0, 0, 1 (coarsest to finest): Table 1.

Paper: 6.79 % on AFLW, 7.27 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(mask=(1, 0, 0, 1)))
