"""RCN trained on synthetic faces alone, tested on the real ones of AFLW-5.

Faces: python tools/render_faces.py --out data/synthetic_10k --train 10000
"""

_base_ = ['rcn_synthetic.py']

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
