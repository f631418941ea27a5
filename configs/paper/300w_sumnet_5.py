"""SumNet with 5 branches of 64 channels on 300W, 68 keypoints.

The L2 weights are those of the 2016 release. The paper prints no error.
"""

_base_ = ['300w_rcn_5.py']

model = dict(
    backbone=dict(_delete_=True, type='rcn_mmpose.SumNet', num_branches=5, arch='300w'),
    head=dict(type='rcn_mmpose.SumNetHead', in_channels=(64,) * 5, kernel_size=3),
)

trunk_l2, branch_l2 = 1e-14, 1e-6
optim_wrapper = dict(
    optimizer=dict(weight_decay=2 * trunk_l2),
    paramwise_cfg=dict(
        custom_keys={
            'branches': dict(decay_mult=branch_l2 / trunk_l2),
            'head': dict(decay_mult=branch_l2 / trunk_l2),
            'alpha': dict(decay_mult=1.0),
        }
    ),
)
