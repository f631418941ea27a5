"""The denoiser on 300W's keypoints: 20 epochs of AdamW.

The paper gives no recipe. The 2016 release uses AdaDelta, batches of 64 and
100 epochs; configs/paper/300w_denoiser.py follows the release.
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/denoiser_68_points.py',
    '_base_/w300_keypoints.py',
    '_base_/adamw_30_epochs.py',
]

model = {{_base_.denoiser}}

max_epochs = 20
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(
    optimizer=dict(lr=3e-3),
    # The input is sparse: a weight of the first layer gets a gradient only
    # where a keypoint lies below it.
    paramwise_cfg=dict(custom_keys={'convs.0': dict(lr_mult=3)}),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.05,
        begin=0,
        end=1,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        begin=1,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=16)
