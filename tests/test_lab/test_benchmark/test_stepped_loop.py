"""A stepped training equals MMEngine's training."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from rcn_mmpose.device_data.switch import use_device_data
from rcn_mmpose.lab.benchmark.faces import load_config
from rcn_mmpose.lab.benchmark.stepped_loop import SteppedTraining, make_on_device

from .small_experiment import write_config


@pytest.fixture
def small(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With 12 faces to train and 4 to test."""
    return write_config(converted, tmp_path, monkeypatch)


@pytest.fixture
def cfg(small: str, tmp_path: Path) -> Config:
    cfg = load_config(small, str(tmp_path), 1)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.train_dataloader.batch_size = 5
    cfg.vis_backends = cfg.visualizer.vis_backends = []
    return cfg


def weights(training: SteppedTraining) -> dict[str, torch.Tensor]:
    return copy.deepcopy(training.runner.model.state_dict())


@pytest.mark.parametrize('device_data', [False, True])
def test_same_training(cfg: Config, device_data: bool) -> None:
    stepped = SteppedTraining(cfg, device_data)
    for _ in range(4):  # two epochs of 2 whole batches
        stepped.step()
    share = stepped.data_share()['data_share']
    assert 0 < share < 1
    found = weights(stepped)
    cfg.train_dataloader.update(drop_last=True, num_workers=0, persistent_workers=False)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=2)
    cfg.experiment_name = cfg.visualizer.name = f'whole_{device_data}'
    if device_data:
        use_device_data(cfg)
    runner = Runner.from_cfg(cfg)
    runner.train()
    for name, value in runner.model.state_dict().items():
        assert torch.equal(found[name], value), name


def test_bare_steps_learn_one_batch(cfg: Config) -> None:
    cfg.param_scheduler = []
    training = SteppedTraining(cfg, device_data=True)
    before = weights(training)
    batch = None
    for _ in range(3):
        training.bare_step()
        batch = batch or training._batch
        assert training._batch is batch
    assert batch['inputs'].shape == (5, 1, 80, 80)
    after = weights(training)
    assert any(not torch.equal(before[k], after[k]) for k in before)
    model = training.runner.model
    with torch.no_grad():
        last = model(**batch, mode='loss')['loss_kpt']
        model.load_state_dict(before)
        first = model(**batch, mode='loss')['loss_kpt']
    assert last < first


@pytest.mark.parametrize('device_data', [False, True])
def test_batches_larger_than_the_set(cfg: Config, device_data: bool) -> None:
    cfg.train_dataloader.batch_size = 13
    with pytest.raises(ValueError, match='12 faces give no batch of 13'):
        SteppedTraining(cfg, device_data)


def test_no_cache_raises(cfg: Config, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='no crop cache'):
        make_on_device(cfg, str(tmp_path / 'file' / 'cache'))
