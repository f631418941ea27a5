from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from rcn_mmpose.engine.config_check import check_config, check_options

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = [p for p in FOLDER.rglob('*.py') if p.parent.name != '_base_']


def config(root: Path, options: dict | None = None) -> Config:
    cfg = Config.fromfile(str(root / 'configs' / 'rcn_aflw.py'))
    cfg.merge_from_dict(options or {})
    return cfg


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.name)
def test_configs_of_this_project_are_valid(path: Path) -> None:
    check_config(Config.fromfile(str(path)))


@pytest.mark.slow
def test_configs_of_mmpose_are_valid() -> None:
    import mmpose

    folder = Path(mmpose.__file__).parent / '.mim' / 'configs'
    checked = 0
    for path in sorted(folder.glob('face_2d_keypoint/**/*.py')):
        check_config(Config.fromfile(str(path)))
        checked += 1
    assert checked > 10


@pytest.mark.parametrize(
    ('key', 'wrong', 'meant'),
    [
        ('model.backbone.num_branchs', 'num_branchs', 'num_branches'),
        ('model.head.out_chanels', 'out_chanels', 'out_channels'),
        ('optim_wrapper.optimzer.lr', 'optimzer', 'optimizer'),
        ('optim_wrapper.optimizer.weight_decy', 'weight_decy', 'weight_decay'),
        ('train_dataloader.batchsize', 'batchsize', 'batch_size'),
        ('val_dataloader.dataset.ann_fil', 'ann_fil', 'ann_file'),
        ('optim_wraper.clip_grad', 'optim_wraper', 'optim_wrapper'),
        ('trian_cfg.max_epochs', 'trian_cfg', 'train_cfg'),
        ('default_hooks.logger.intervall', 'intervall', 'interval'),
        # dicts without a type, and classes that take any keyword
        ('train_cfg.max_epoch', 'max_epoch', 'max_epochs'),
        ('val_cfg.fp_16', 'fp_16', 'fp16'),
        ('default_hooks.chekpoint.interval', 'chekpoint', 'checkpoint'),
        ('default_hooks.checkpoint.max_keep_ckpt', 'max_keep_ckpt', 'max_keep_ckpts'),
        ('env_cfg.cudnn_benchmrk', 'cudnn_benchmrk', 'cudnn_benchmark'),
        ('env_cfg.mp_cfg.mp_start_metod', 'mp_start_metod', 'mp_start_method'),
        ('env_cfg.dist_cfg.backed', 'backed', 'backend'),
        ('randomness.sed', 'sed', 'seed'),
        ('auto_scale_lr.base_batchsize', 'base_batchsize', 'base_batch_size'),
        ('model.test_cfg.flip_tst', 'flip_tst', 'flip_test'),
        ('train_dataloader.dataset.data_prefix.imgs', 'imgs', 'img'),
        ('custom_import.imports', 'custom_import', 'custom_imports'),
        (
            'param_scheduler.1.convert_to_iter_base',
            'convert_to_iter_base',
            'convert_to_iter_based',
        ),
    ],
)
def test_misspelt_key(root: Path, key: str, wrong: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"'{wrong}'.*mean '{meant}'"):
        check_config(config(root, {key: 1}))


def test_misspelt_key_in_a_pipeline(root: Path) -> None:
    cfg = config(root)
    cfg.train_dataloader.dataset.pipeline[2].rotaton = 5
    with pytest.raises(ValueError, match="'rotaton'.*pipeline.2.*'rotation'"):
        check_config(cfg)


def test_without_a_similar_key_the_error_lists_allowed_keys(root: Path) -> None:
    with pytest.raises(ValueError, match='allowed are arch, '):
        check_config(config(root, {'model.backbone.zzz': 1}))


def test_other_top_level_variables_are_allowed(root: Path) -> None:
    check_config(config(root, dict(my_own_note='x', codec2=dict(a=1))))


def test_a_loop_of_iterations(root: Path) -> None:
    options = {'train_cfg.by_epoch': False, 'train_cfg.max_iters': 9}
    with pytest.raises(ValueError, match='max_iters, and max_epochs.*_delete_'):
        check_config(config(root, options))
    options['train_cfg._delete_'] = True
    check_options(config(root), options)
    cfg = config(root, options)
    check_config(cfg)
    assert cfg.train_cfg == dict(by_epoch=False, max_iters=9)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('max_epochs', "reads only once: did you mean 'train_cfg.max_epochs'"),
        ('lr', "no setting 'lr': did you mean 'optim_wrapper.optimizer.lr'"),
        ('batch_size', "did you mean 'train_dataloader.batch_size'"),
        ('codec.target', 'reads only once'),
        ('trian_cfg.max_epochs', "did you mean 'train_cfg.max_epochs'"),
        ('zzz.yyy', "no setting 'zzz'.$"),
        ('param_scheduler.5.end', "list of 2; '5' must be a number below 2"),
        ('param_scheduler.end', "list of 2; 'end' must be"),
        ('train_dataloader.dataset.data_prefix.imgs', "'imgs' in .*mean 'img'"),
    ],
)
def test_options_without_effect(root: Path, option: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_options(config(root), {option: 1})


@pytest.mark.parametrize(
    'option',
    [
        'train_cfg.val_interval',
        'load_from',
        'licence',
        'optim_wrapper.clip_grad.max_norm',
        'model.refiner_checkpoint',
        'param_scheduler.1.end',
        'param_scheduler',
        'train_dataloader.dataset.metainfo.eyes',
        'randomness.deterministic',
        'auto_scale_lr.enable',
        'find_unused_parameters',
        'default_hooks.checkpoint.save_best',
        'model.backbone.out_channels.0',
        'env_cfg.dist_cfg.timeout',
    ],
)
def test_options_with_effect(root: Path, option: str) -> None:
    check_options(config(root), {option: 1})
