"""RCN with 7 branches, without occlusion: Table 2.

Paper: 6.17 % on AFLW, 6.12 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(num_branches=7))
