"""Config of the model 'rcn-68'; tools/ship.py wrote it."""
# ruff: noqa
# fmt: off

codec = dict(
    input_size=(
        80,
        80,
    ),
    outside='mask',
    target='four',
    type='rcn_mmpose.CellIndex')
custom_imports = dict(
    allow_failed_imports=False, imports=[
        'rcn_mmpose.registry',
    ])
data_mode = 'topdown'
data_root = 'data/'
dataset_type = 'rcn_mmpose.W300Dataset'
default_hooks = dict(
    badcase=dict(
        badcase_thr=5,
        enable=False,
        metric_type='loss',
        out_dir='badcase',
        type='BadCaseAnalysisHook'),
    checkpoint=dict(
        greater_keys=[
            'AUC',
        ],
        interval=1,
        less_keys=[
            'NME',
            'FR',
        ],
        max_keep_ckpts=2,
        save_best='auto',
        type='rcn_mmpose.WholeCheckpointHook'),
    logger=dict(interval=20, type='LoggerHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    timer=dict(type='IterTimerHook'),
    visualization=dict(enable=False, type='PoseVisualizationHook'))
default_scope = 'mmpose'
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
log_level = 'INFO'
log_processor = dict(
    by_epoch=True, num_digits=6, type='LogProcessor', window_size=50)
model = dict(
    backbone=dict(arch='300w', num_branches=5, type='rcn_mmpose.RCN'),
    data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
    head=dict(
        decoder=dict(
            calibration=dict(covariance_scale=0.6901, temperature=1.0),
            input_size=(
                80,
                80,
            ),
            outside='mask',
            target='four',
            type='rcn_mmpose.CellIndex',
            window=17),
        in_channels=64,
        kernel_size=1,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'),
        out_channels=68,
        type='rcn_mmpose.SpatialSoftmaxHead'),
    test_cfg=dict(flip_test=False),
    type='TopdownPoseEstimator')
test_cfg = dict()
test_dataloader = dict(
    batch_size=32,
    dataset=dict(
        ann_file='annotations/300w_test.json',
        data_mode='topdown',
        data_prefix=dict(img='300w/'),
        data_root='data/',
        pipeline=[
            dict(type='rcn_mmpose.LoadGreyImage'),
            dict(rule='given', type='rcn_mmpose.FaceBox'),
            dict(input_size=(
                80,
                80,
            ), type='rcn_mmpose.CropFace'),
            dict(type='PackPoseInputs'),
        ],
        test_mode=True,
        type='rcn_mmpose.W300Dataset'),
    drop_last=False,
    num_workers=2,
    persistent_workers=False,
    sampler=dict(round_up=False, shuffle=False, type='DefaultSampler'))
test_evaluator = dict(
    detailed=True, out_file='errors.csv', type='rcn_mmpose.FaceNME')
vis_backends = [
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend'),
]
visualizer = dict(
    name='visualizer',
    type='PoseLocalVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
        dict(type='TensorboardVisBackend'),
    ])
