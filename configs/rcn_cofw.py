"""RCN on COFW, 29 keypoints, with MMPose's dataset and boxes.

Data: prepared as for MMPose, in data/cofw. Otherwise as rcn_wflw.py.
"""

_base_ = ['rcn_wflw.py']

cofw = dict(type='COFWDataset', data_root='data/cofw/')
model = dict(head=dict(out_channels=29))
train_dataloader = dict(dataset=dict(ann_file='annotations/cofw_train.json', **cofw))
test_dataloader = dict(dataset=dict(ann_file='annotations/cofw_test.json', **cofw))
test_evaluator = [
    dict(
        type='rcn_mmpose.FaceNME',
        normalisers=dict(
            outer_corners=((8,), (9,)),
            eye_points=((16,), (17,)),
        ),
        detailed=True,
        out_file='errors.csv',
    ),
    dict(type='NME', norm_mode='keypoint_distance'),
]
