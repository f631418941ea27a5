"""RCN with 5 branches and occlusion: Table 2.

Paper: 5.65 % on AFLW, 5.44 % on AFW.
"""

_base_ = ['aflw_rcn_6.py']

model = dict(backbone=dict(num_branches=5))
