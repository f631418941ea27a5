from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from rcn_mmpose.engine.config_check import check_config

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
