"""RCN with 5 branches on 300W, 68 keypoints: Table 4.

Paper: 4.70 % on the common set, 9.00 % on IBUG, 5.54 % on both. The training is
the paper's, as in aflw_rcn_6.py, with the L2 weights and epochs of the 2016
release for 300W.

Training faces are occluded, as in the 2016 release and in the caption of
Table 4 (footnote 11). Footnote 12 names only the jitter.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/rcn_68_points.py',
    '../_base_/w300.py',
]

model = dict(
    data_preprocessor=dict(batch_floor_in_training=True),
    head=dict(loss=dict(loss_weight=68.0), decoder={{_base_.codec}}),
)

train_pipeline = [
    *_base_.train_pipeline[:4],
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80)),
    *_base_.train_pipeline[4:],
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))

train_cfg = dict(by_epoch=True, max_epochs=3000, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# A penalty of c * |W|^2 is a weight decay of 2 * c.
trunk_l2, branch_l2 = 1e-12, 1e-8
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='Adadelta', lr=1.0, rho=0.95, eps=1e-8, weight_decay=2 * trunk_l2
    ),
    paramwise_cfg=dict(
        custom_keys={
            'trunk': dict(decay_mult=1.0),
            'branches': dict(decay_mult=branch_l2 / trunk_l2),
            'head': dict(decay_mult=branch_l2 / trunk_l2),
            # MMEngine applies the longest matching key.
            'conv.bias': dict(decay_mult=0.0),
        }
    ),
)
param_scheduler = []
default_hooks = dict(checkpoint=dict(save_best='NME_cells_eye_centres'))
