"""RCN on faces the project makes itself, 5 keypoints: a few minutes.

`make demo` renders the faces, then trains and tests this.
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_5_points.py',
    '_base_/synthetic_5_points.py',
    '_base_/adamw_30_epochs.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))

max_epochs = 10
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.05,
        begin=0,
        end=1,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        begin=1,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
