"""The denoiser of section 4 for 68 keypoints: 25,406,212 parameters."""

denoiser = dict(
    type='rcn_mmpose.KeypointDenoiser',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
    backbone=dict(
        type='rcn_mmpose.LargeKernelNet',
        in_channels=68,
        channels=64,
        num_convs=3,
        kernel_size=45,
        input_size=(80, 80),
    ),
    head=dict(
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=64,
        out_channels=68,
        kernel_size=1,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'),
        decoder=dict(type='rcn_mmpose.CellIndex', input_size=(80, 80)),
    ),
    test_cfg=dict(flip_test=False),
)
