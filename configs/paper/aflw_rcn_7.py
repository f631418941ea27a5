"""RCN with 7 branches and occlusion: Table 2.

Paper: 5.76 % on AFLW, 5.55 % on AFW.
"""

_base_ = ['aflw_rcn_6.py']

model = dict(backbone=dict(num_branches=7))
