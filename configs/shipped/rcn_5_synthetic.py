r"""The shipped model "rcn-5-synthetic": RCN trained on synthetic faces only.

    python tools/render_faces.py --out data/synthetic_10k --train 10000
    python tools/train.py configs/shipped/rcn_5_synthetic.py \
        --amp --device-data

The best checkpoint is chosen on synthetic faces; the test faces are AFLW's.
"""

_base_ = ['../rcn_aflw.py']

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), target='four')
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=20),
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(0.25, 0.625), prob=0.3),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
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
