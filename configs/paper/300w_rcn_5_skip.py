"""RCN with 5 branches and skip connections on 300W, 68 keypoints.

The L2 weights are those of the 2016 release. The paper prints no error.
"""

_base_ = ['300w_rcn_5.py']

model = dict(backbone=dict(skip=True))

optim_wrapper = dict(
    optimizer=dict(weight_decay=2 * 0.1),
    paramwise_cfg=dict(
        custom_keys={
            'branches': dict(decay_mult=1.0),
            'head': dict(decay_mult=1.0),
        }
    ),
)
