"""RCN on 300W by a recipe of today.

Trains on the training faces that are there and tests on the test faces that
are there; the log says which. Batches of 16, for the set is small: 113
updates an epoch on 1,809 faces, 177 on the official 2,834.
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_68_points.py',
    '_base_/w300.py',
    '_base_/adamw_30_epochs.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(base_batch_size=16)
