"""RCN+ on 300W with the soft-argmax loss and the unsupervised loss (ELT).

Paper: 4.34 % on the common set, 8.20 % on IBUG, 5.10 % on both.
"""

_base_ = ['300w_rcnplus_5.py']

model = dict(
    type='rcn_mmpose.ELTPoseEstimator',
    elt=dict(type='rcn_mmpose.EquivariantLandmarkLoss', alpha=0.5),
)
