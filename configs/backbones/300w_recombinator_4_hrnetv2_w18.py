"""RCN's branches on the maps of MMPose's HRNetV2-W18, on 300W.

The training starts from random weights. For weights of ImageNet: checkpoint='open-mmlab://msra/hrnetv2_w18'.
"""

_base_ = ['300w_recombinator_4_mobilenetv2.py']

widths = (18, 36, 72, 144)
model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        in_channels=3,
        extra=dict(
            stage1=dict(
                num_modules=1,
                num_branches=1,
                block='BOTTLENECK',
                num_blocks=(4,),
                num_channels=(64,),
            ),
            stage2=dict(
                num_modules=1,
                num_branches=2,
                block='BASIC',
                num_blocks=(4, 4),
                num_channels=widths[:2],
            ),
            stage3=dict(
                num_modules=4,
                num_branches=3,
                block='BASIC',
                num_blocks=(4, 4, 4),
                num_channels=widths[:3],
            ),
            stage4=dict(
                num_modules=3,
                num_branches=4,
                block='BASIC',
                num_blocks=(4, 4, 4, 4),
                num_channels=widths,
                multiscale_output=True,
            ),
            upsample=dict(mode='bilinear', align_corners=False),
        ),
    ),
    neck=dict(in_channels=widths),
)
