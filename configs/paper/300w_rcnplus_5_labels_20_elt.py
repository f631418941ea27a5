"""RCN+ on 300W: labels of 20 % of the faces, the unsupervised loss on all.

Paper: 9.56 % on IBUG, 5.88 % on the full set.
"""

_base_ = ['300w_rcnplus_5_labels_20.py']

model = dict(
    type='rcn_mmpose.ELTPoseEstimator',
    elt=dict(type='rcn_mmpose.EquivariantLandmarkLoss', alpha=0.5),
)
