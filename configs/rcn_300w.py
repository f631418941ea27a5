"""RCN on 300W, 68 keypoints: 30 epochs of AdamW.

The annotation files list the faces that exist on this machine; the log prints
their number. The dataset is small, so a batch has 16 faces: 114 updates per
epoch on 1,809 faces, 178 on the official 2,834.

Several processes share the 16 faces. On 8 GPUs, train_dataloader.batch_size=2
gives the same updates with the same learning rate. Larger batches need
--auto-scale-lr sqrt and have fewer updates per epoch: 8 x 8 faces 29 and 45,
8 x 64 faces only 4 and 6.
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
