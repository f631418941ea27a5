"""RCN with 5 branches for 68 keypoints, as in Table 4: 1,095,492 parameters.

An experiment adds ``head.decoder``, the codec of its data.
"""

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
    backbone=dict(type='rcn_mmpose.RCN', num_branches=5, arch='300w'),
    head=dict(
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=64,
        out_channels=68,
        kernel_size=1,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'),
    ),
    test_cfg=dict(flip_test=False),
)
