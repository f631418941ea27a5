"""The denoiser of section 4 on 300W, a part of Table 4's joint model.

The paper prints no error of the denoiser alone. AdaDelta, batch size, L2 weight
and epochs are those of the 2016 release.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/denoiser_68_points.py',
    '../_base_/w300_keypoints.py',
]

loss = dict(type='rcn_mmpose.SpatialCrossEntropyLoss', loss_weight=68.0)
model = dict(_base_.denoiser, head=dict(_base_.denoiser.head, loss=loss))

train_dataloader = dict(batch_size=64)

train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    # A penalty of c * |W|^2 is a weight decay of 2 * c.
    optimizer=dict(type='Adadelta', lr=1.0, rho=0.95, eps=1e-8, weight_decay=2 * 1e-6),
    paramwise_cfg=dict(bias_decay_mult=0.0),
)
param_scheduler = []
default_hooks = dict(checkpoint=dict(save_best='NME_cells_eye_centres'))
