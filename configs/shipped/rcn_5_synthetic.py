r"""The model "rcn-5-synthetic": trained on faces the project makes itself.

    python tools/render_faces.py --out data/synthetic_10k --train 10000
    python tools/train.py configs/shipped/rcn_5_synthetic.py \
        --amp --device-data

The checkpoint is chosen on synthetic faces; the test is on AFLW's.
"""

_base_ = ['rcn_5.py']

# these labels are exact, so faces are mirrored as well
train_pipeline = _base_.train_pipeline
train_pipeline.insert(2, dict(type='RandomFlip', prob=0.5))
faces = dict(type='rcn_mmpose.OwnFaceDataset', data_root='data/synthetic_10k/')
train_dataloader = dict(
    dataset=dict(
        **faces,
        pipeline=train_pipeline,
        ann_file='annotations/train_5.json',
        data_prefix=dict(img='images/train/'),
    )
)
val_dataloader = dict(
    dataset=dict(
        **faces,
        ann_file='annotations/val_5.json',
        data_prefix=dict(img='images/val/'),
    )
)
# from the start, not from the weights of another training
optim_wrapper = dict(optimizer=dict(lr=2e-3))
