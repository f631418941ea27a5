"""Synthetic faces with 5 keypoints.

Faces: python tools/render_faces.py --out data/synthetic
"""

_base_ = ['faces.py']

dataset_type = 'rcn_mmpose.OwnFaceDataset'
data_root = 'data/synthetic/'

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/train_5.json',
        data_prefix=dict(img='images/train/'),
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/val_5.json',
        data_prefix=dict(img='images/val/'),
    )
)
test_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/test_5.json',
        data_prefix=dict(img='images/test/'),
    )
)
