"""SumNet with 6 branches and occlusion: Tables 2 and 3.

Paper: 6.27 % on AFLW, 6.33 % on AFW. The training is the RCN's with two
changes: the L2 weights of the 2016 release (its final command), and more
epochs, because SumNet needs more than 800 to converge (paper, section 5.1).
"""

_base_ = ['aflw_rcn_6.py']

model = dict(
    backbone=dict(_delete_=True, type='rcn_mmpose.SumNet', num_branches=6),
    head=dict(type='rcn_mmpose.SumNetHead', in_channels=(16, 32, 48, 48, 48, 48)),
)

train_cfg = dict(max_epochs=800)

trunk_l2, branch_l2 = 1e-10, 1e-14
optim_wrapper = dict(
    optimizer=dict(weight_decay=2 * trunk_l2),
    paramwise_cfg=dict(
        custom_keys={
            'branches': dict(decay_mult=branch_l2 / trunk_l2),
            'head': dict(decay_mult=branch_l2 / trunk_l2),
        }
    ),
)
