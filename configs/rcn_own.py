"""RCN on your own faces and keypoints; see docs/train.md."""

_base_ = ['rcn_300w.py']

num_keypoints = 68
own = dict(
    type='rcn_mmpose.OwnFaceDataset',
    data_root='data/own/',
    data_prefix=dict(img=''),
)
model = dict(head=dict(out_channels=num_keypoints))
train_dataloader = dict(dataset=dict(ann_file='annotations/train.json', **own))
val_dataloader = dict(dataset=dict(ann_file='annotations/val.json', **own))
test_dataloader = dict(dataset=dict(ann_file='annotations/val.json', **own))
