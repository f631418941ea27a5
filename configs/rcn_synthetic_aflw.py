"""RCN trained on synthetic faces only, tested on the real faces of AFLW-5.

Faces: python tools/render_faces.py --out data/synthetic_10k --train 10000
"""

_base_ = [
    '_base_/runtime.py',
    '_base_/rcn_5_points.py',
    '_base_/synthetic_5_points.py',
    '_base_/adamw_30_epochs.py',
]

model = dict(head=dict(decoder={{_base_.codec}}))

data_root = 'data/synthetic_10k/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(
    dataset=dict(
        type='rcn_mmpose.AFLW5Dataset',
        data_root='data/',
        ann_file='annotations/aflw5_test.json',
        data_prefix=dict(img='mtfl/'),
    )
)

max_epochs = 10
train_cfg = dict(max_epochs=max_epochs)
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
