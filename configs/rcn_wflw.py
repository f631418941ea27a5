"""RCN on WFLW, 98 keypoints, with MMPose's dataset and boxes.

Data: prepared as for MMPose, in data/wflw. WFLW has no validation part, so the
checkpoint of the last epoch is used. The test reports MMPose's NME beside
FaceNME; MMPose's NME is the mean over all keypoints of all faces, as a
fraction.
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
    sampler=dict(type='DefaultSampler'),
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
    ),
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
    dict(
        type='rcn_mmpose.FaceNME',
        normalisers=dict(
            outer_corners=((60,), (72,)),
            eye_points=((96,), (97,)),
            eye_centres=((60, 64), (68, 72)),
        ),
        detailed=True,
        out_file='errors.csv',
    ),
    dict(type='NME', norm_mode='keypoint_distance'),
]
default_hooks = dict(checkpoint=dict(save_best=None))
