"""RCN+ on 300W: labels of 5 % of the faces, the unsupervised loss on all.

Paper: 12.54 % on IBUG, 7.22 % on the full set.
"""

_base_ = ['300w_rcnplus_5_labels_05.py']

model = dict(
    type='rcn_mmpose.ELTPoseEstimator',
    elt=dict(type='rcn_mmpose.EquivariantLandmarkLoss', alpha=0.5),
)
