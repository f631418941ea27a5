"""RCN with 5 branches, without occlusion: Table 2.

Paper: 6.11 % on AFLW, 6.05 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(num_branches=5))
