r"""The shipped model "rcn-68-fast": a small RCN with 68 keypoints.

    python -m rcn_mmpose.lab.distillation.pseudo_labels rcn-68 \
        data/annotations/mtfl_train.json mtfl \
        --add data/annotations/300w_train.json 300w --root data --least 0.7 \
        --precision bf16 --out data/annotations/mtfl_300w_pseudo_68.json
    python tools/train.py configs/shipped/rcn_68_fast.py --amp --device-data

The network has the layers of the 5-keypoint network, wider where a convolution
is cheap. 300W is too small to train it well, so it also learns from MTFL's
training images with the keypoints of "rcn-68".
"""

_base_ = ['rcn_68.py']

model = dict(
    backbone=dict(
        num_branches=6,
        arch=dict(
            _delete_=True,
            trunk=((16, 3), (32, 3), (48, 3), (64, 3), (64, 3), (64, 3)),
            branches=(
                ((32, 3), (48, 1)),
                ((40, 3), (16, 3)),
                ((64, 3), (48, 3)),
                ((64, 3), (64, 3)),
                ((64, 3), (64, 3)),
                ((64, 3), (64, 3)),
            ),
        ),
    ),
    head=dict(in_channels=48),
)

train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        ann_file='annotations/mtfl_300w_pseudo_68.json',
        data_prefix=dict(img=''),
    ),
)

max_epochs = 80
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
_base_.param_scheduler[1].end = max_epochs
