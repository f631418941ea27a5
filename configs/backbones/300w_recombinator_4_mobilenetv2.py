"""RCN's branches on the feature pyramid of MMPose's MobileNetV2, on 300W.

The training starts from random weights. For weights of ImageNet (downloaded by
MMEngine): backbone=dict(init_cfg=dict(type='Pretrained',
checkpoint='mmcls://mobilenet_v2')).
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/w300_colour.py',
    '../_base_/adamw_30_epochs.py',
]

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='MobileNetV2', out_indices=(1, 2, 4, 6)),
    neck=dict(type='rcn_mmpose.Recombinator', in_channels=(24, 32, 96, 320)),
    head=dict(
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=64,
        out_channels=68,
        kernel_size=1,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'),
        decoder={{_base_.codec}},
    ),
    test_cfg=dict(flip_test=False),
)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(base_batch_size=16)
