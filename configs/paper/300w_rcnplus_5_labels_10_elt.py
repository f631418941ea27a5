"""RCN+ on 300W: labels of 10 % of the faces, the unsupervised loss on all.

Paper: 10.35 % on IBUG, 6.32 % on the full set.
"""

_base_ = ['300w_rcnplus_5_labels_10.py']

model = dict(
    type='rcn_mmpose.ELTPoseEstimator',
    elt=dict(type='rcn_mmpose.EquivariantLandmarkLoss', alpha=0.5),
)
