from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from rcn_mmpose.engine.distributed import check_batch
from rcn_mmpose.engine.schedule import scale_by_root

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture
def cfg() -> Config:
    """Config with the learning rate 2e-3 for 64 faces."""
    return Config.fromfile(CONFIGS / 'rcn_aflw.py')


def test_four_times_the_batch_doubles_the_rate(cfg: Config) -> None:
    cfg.train_dataloader.batch_size = 256
    said = scale_by_root(cfg, 1)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(4e-3)
    assert said.startswith('Learning rate 0.002 -> 0.004')
    assert '256 / 64 faces' in said and '4 times fewer' in said
    # The run saves a config for 256 faces.
    assert check_batch(cfg, 1) == ''
    scale_by_root(cfg, 1)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(4e-3)


def test_processes_and_accumulation_count(cfg: Config) -> None:
    cfg.train_dataloader.batch_size = 8
    cfg.optim_wrapper.accumulative_counts = 3
    scale_by_root(cfg, 6)
    # 6 * 8 * 3 = 144 = 64 * 9 / 4.
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(3e-3)
    assert cfg.auto_scale_lr == dict(base_batch_size=144, enable=False)


def test_smaller_batches(cfg: Config) -> None:
    cfg.train_dataloader.batch_size = 16
    scale_by_root(cfg, 1)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(1e-3)


def test_sgd_is_an_error(cfg: Config) -> None:
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.1)
    with pytest.raises(ValueError, match="'SGD'.*AdamW.*linear"):
        scale_by_root(cfg, 1)


@pytest.mark.parametrize('rule', [None, dict(enable=False)])
def test_a_missing_base_batch_size_is_an_error(cfg: Config, rule: dict | None) -> None:
    cfg.auto_scale_lr = rule
    with pytest.raises(ValueError, match='base_batch_size'):
        scale_by_root(cfg, 1)
