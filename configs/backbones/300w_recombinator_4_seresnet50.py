"""RCN's branches on the feature pyramid of MMPose's SEResNet-50, on 300W.

The training starts from random weights. For weights of ImageNet: checkpoint='mmcls://se-resnet50'.
"""

_base_ = ['300w_recombinator_4_mobilenetv2.py']

model = dict(
    backbone=dict(_delete_=True, type='SEResNet', depth=50, out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=(256, 512, 1024, 2048)),
)
