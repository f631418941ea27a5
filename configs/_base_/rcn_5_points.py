"""RCN with 6 branches for 5 keypoints, Table 2's best: 310,229 parameters.

An experiment adds ``head.decoder``, the codec of its data.
"""

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
    backbone=dict(type='rcn_mmpose.RCN', num_branches=6, arch='mtfl'),
    head=dict(
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=16,
        out_channels=5,
        kernel_size=3,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'),
    ),
    test_cfg=dict(flip_test=False),
)
