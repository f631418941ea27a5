"""The branches of an RCN over SEResNet-50's pyramid, on 300W.

To start from ImageNet: checkpoint='mmcls://se-resnet50'.
"""

_base_ = ['300w_recombinator_4_mobilenetv2.py']

model = dict(
    backbone=dict(_delete_=True, type='SEResNet', depth=50, out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=(256, 512, 1024, 2048)),
)
