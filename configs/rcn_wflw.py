"""RCN on WFLW, 98 keypoints, by MMPose's data set and boxes.

Data: as for MMPose, in data/wflw. There is no validation part, so the last
epoch counts. Errors are divided by the distance of the pupils; MMPose's NME,
by that of the outer eye corners, stands beside.
"""

_base_ = ['rcn_300w.py']

pipeline_end = [
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='PackPoseInputs'),
]
dataset = dict(
    type='WFLWDataset',
    data_root='data/wflw/',
    data_prefix=dict(img='images/'),
)
model = dict(head=dict(out_channels=98))
train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/face_landmarks_wflw_train.json',
        pipeline=[
            dict(type='rcn_mmpose.LoadGreyImage'),
            dict(type='GetBBoxCenterScale', padding=1.25),
            dict(type='rcn_mmpose.UniformJitter', rotation=40),
            pipeline_end[0],
            dict(type='GenerateTarget', encoder={{_base_.codec}}),
            pipeline_end[1],
        ],
        **dataset,
    )
)
val_cfg = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(
    dataset=dict(
        ann_file='annotations/face_landmarks_wflw_test.json',
        pipeline=[
            dict(type='rcn_mmpose.LoadGreyImage'),
            dict(type='GetBBoxCenterScale', padding=1.25),
            *pipeline_end,
        ],
        **dataset,
    )
)
test_evaluator = [
    dict(type='rcn_mmpose.FaceNME', eyes=((96,), (97,))),
    dict(type='NME', norm_mode='keypoint_distance'),
]
default_hooks = dict(checkpoint=dict(save_best=None))
