"""RCN on 300W by a recipe of today.

Trains on the training faces that are there and tests on the test faces that
are there; the log says which. Batches of 16, for the set is small: 114
updates an epoch on 1,809 faces, 178 on the official 2,834.

Several processes share the 16: on 8 GPUs train_dataloader.batch_size=2, for
the same updates with the same learning rate. Larger batches go with
--auto-scale-lr sqrt and leave fewer updates an epoch: 8 x 8 faces 29 and
45, 8 x 64 only 4 and 6.
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
