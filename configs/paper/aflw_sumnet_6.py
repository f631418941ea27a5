"""SumNet with 6 branches and occlusion: Tables 2 and 3.

Paper: 6.27 % on AFLW, 6.33 % on AFW. Trained as the RCN but for the L2
weights, those of the authors' final command, and for more epochs: the paper
says that SumNet needs more than 800 to converge.
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
