"""RCN with 6 branches and occlusion on MTFL, tested on AFLW: Table 2.

The training is the paper's: AdaDelta, two L2 weights, the sum over keypoints of
eq. 2, LCN with the batch-wide floor, +-40 degrees. It converges after about 200
epochs (paper, section 5.1); the 2016 release runs 4,000 epochs and keeps the
best.

Known differences from the 2016 release: the validation faces have no jitter and
no occlusion; the faces are shuffled in each epoch; the weights are initialised
by He's distribution, whose standard deviation is 1.12 times the release's for a
layer with as many outputs as inputs.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/rcn_5_points.py',
    '../_base_/mtfl_aflw5.py',
]

model = dict(
    data_preprocessor=dict(batch_floor_in_training=True),
    head=dict(loss=dict(loss_weight=5.0), decoder={{_base_.codec}}),
)

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=40),
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80)),
    dict(type='GenerateTarget', encoder={{_base_.codec}}),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# A penalty of c * |W|^2 is a weight decay of 2 * c.
trunk_l2, branch_l2 = 1e-6, 1e-12
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
default_hooks = dict(checkpoint=dict(save_best='NME_cells_eye_points'))
