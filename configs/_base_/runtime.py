"""Settings shared by all experiments: logging, checkpoints, hooks."""

default_scope = 'mmpose'
# Registers the project's parts and applies the workarounds of rcn_mmpose.compat.
custom_imports = dict(imports=['rcn_mmpose.registry'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='rcn_mmpose.WholeCheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        # 'auto' is the first value: NME in pixels by the main normaliser.
        save_best='auto',
        greater_keys=['AUC'],
        less_keys=['NME', 'FR'],
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='PoseVisualizationHook', enable=False),
    badcase=dict(
        type='BadCaseAnalysisHook',
        enable=False,
        out_dir='badcase',
        metric_type='loss',
        badcase_thr=5,
    ),
)
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='rcn_mmpose.CheckpointCheckHook'),
    dict(type='rcn_mmpose.FiniteLossHook'),
    dict(type='rcn_mmpose.ChannelsLastHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
vis_backends = [
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend'),
]
visualizer = dict(
    type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
log_processor = dict(
    type='rcn_mmpose.ShortLogProcessor', window_size=50, by_epoch=True, num_digits=6
)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=64)
