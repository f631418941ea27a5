"""RCN+ on 300W: labels of 50 % of the faces, the unsupervised loss on all.

Paper: 8.67 % on IBUG, 5.45 % on the full set.
"""

_base_ = ['300w_rcnplus_5_labels_50.py']

model = dict(
    type='rcn_mmpose.ELTPoseEstimator',
    elt=dict(type='rcn_mmpose.EquivariantLandmarkLoss', alpha=0.5),
)
