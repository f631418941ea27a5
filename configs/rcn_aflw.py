"""RCN on MTFL, 5 keypoints, tested on AFLW-5: 30 epochs of AdamW.

The best checkpoint is chosen on the 1,000 validation faces.
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_5_points.py',
    '_base_/mtfl_aflw5.py',
    '_base_/adamw_30_epochs.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))
