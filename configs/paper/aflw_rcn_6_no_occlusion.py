"""RCN with 6 branches, without occlusion: Table 2.

Paper: 6.00 % on AFLW, 5.98 % on AFW.
"""

_base_ = ['aflw_rcn_4.py']

model = dict(backbone=dict(num_branches=6))
