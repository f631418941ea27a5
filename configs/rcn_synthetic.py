"""RCN on faces the project makes itself, 5 keypoints; for `make demo`."""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_5_points.py',
    '_base_/synthetic_5_points.py',
    '_base_/adamw_30_epochs.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))
