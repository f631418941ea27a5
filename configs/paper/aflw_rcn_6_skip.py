"""RCN with 6 branches, skip connections and occlusion: Table 2.

Paper: 5.63 % on AFLW, 5.56 % on AFW. Both L2 weights are those of the 2016
release.
"""

_base_ = ['aflw_rcn_6.py']

model = dict(backbone=dict(skip=True))

optim_wrapper = dict(
    optimizer=dict(weight_decay=2 * 1e-4),
    paramwise_cfg=dict(
        custom_keys={
            'branches': dict(decay_mult=1.0),
            'head': dict(decay_mult=1.0),
        }
    ),
)
