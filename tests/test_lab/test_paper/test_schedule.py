from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import CosineAnnealingLR, LinearLR

from rcn_mmpose.lab.paper.schedule import epoch_options

CONFIGS = Path(__file__).parents[3] / 'configs'


def config() -> Config:
    """Return a config with a warm-up of 2 epochs and a decay, 30 epochs in all."""
    return Config.fromfile(str(CONFIGS / '_base_' / 'adamw_30_epochs.py'))


@pytest.mark.parametrize(
    ('epochs', 'warm_up', 'begin'),
    [(60, 4, 4), (15, 1, 1), (20, 1, 1), (24, 2, 2), (2, 1, 1), (1, 1, 0)],
)
def test_schedule_moves_in_proportion(epochs: int, warm_up: int, begin: int) -> None:
    cfg = config()
    options = epoch_options(cfg, epochs)
    assert options == {
        'train_cfg.max_epochs': epochs,
        'param_scheduler.0.end': warm_up,
        'param_scheduler.1.begin': begin,
        'param_scheduler.1.end': epochs,
    }
    cfg.merge_from_dict(options)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([weight], lr=1.0)
    parts = []
    for kind, part in zip(
        (LinearLR, CosineAnnealingLR), cfg.param_scheduler, strict=True
    ):
        assert part.pop('type') == kind.__name__
        assert part.pop('convert_to_iter_based')
        parts.append(kind.build_iter_from_epoch(optimizer, **part, epoch_length=10))
    for _ in range(10 * epochs):
        optimizer.step()
        for part in parts:
            part.step()
    # The last step of a cosine over all updates after the warm-up.
    steps = 10 * (epochs - begin)
    rate = 1e-6 + (1 + math.cos(math.pi * (steps - 1) / steps)) / 2
    assert optimizer.param_groups[0]['lr'] == pytest.approx(rate, rel=1e-2)


def test_same_number_of_epochs() -> None:
    assert epoch_options(config(), 30) == {}
    cfg = Config(dict(train_cfg=dict(max_epochs=200), param_scheduler=[]))
    assert epoch_options(cfg, 30) == {'train_cfg.max_epochs': 30}


@pytest.mark.parametrize(
    'part',
    [
        dict(type='MultiStepLR', milestones=[3], end=30),
        dict(type='LinearLR', end=500, by_epoch=False),
        dict(type='ConstantLR'),
    ],
)
def test_schedules_that_cannot_be_moved(part: dict) -> None:
    cfg = config()
    cfg.param_scheduler.append(part)
    with pytest.raises(ValueError, match=r'param_scheduler\[2\].*cannot be m'):
        epoch_options(cfg, 10)
    with pytest.raises(ValueError, match='0 epochs; give 1 or more'):
        epoch_options(config(), 0)
