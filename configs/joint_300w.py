r"""The joint model on 300W: RCN and denoiser (figure 2, Table 4's last row).

The joint model is not trained. It combines the weights of two trainings,
rcn_300w.py and denoiser_300w.py:

    python tools/test.py configs/joint_300w.py RCN.pth \
        --cfg-options model.refiner_checkpoint=DENOISER.pth
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_68_points.py',
    '_base_/denoiser_68_points.py',
    '_base_/w300.py',
]

model = dict(
    type='rcn_mmpose.JointEstimator',
    head=dict(decoder={{_base_.codec}}),
    refiner={{_base_.denoiser}},
    rounds=1,
)

train_dataloader = None
val_dataloader = None
val_evaluator = None
test_cfg = dict()
