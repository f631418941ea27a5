"""Schedules that do not fit the length of the training."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from rcn_mmpose.engine.schedule_check import settle_schedule

from .toy_training import rates_of, runner_of


def config(*parts: dict, epochs: int = 40, **loop: object) -> Config:
    return Config(
        dict(
            train_cfg=loop or dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
            param_scheduler=list(parts),
        )
    )


COSINE = dict(type='CosineAnnealingLR', begin=0, end=30)


@pytest.mark.parametrize(
    ('parts', 'message'),
    [
        (
            [COSINE],
            r'param_scheduler.0 \(CosineAnnealingLR\) ends after 30 epochs, but the '
            r'training has 40: .*param_scheduler.0.end=40, or train_cfg.max_epochs '
            r'to 30 .*begin=30, end=40',
        ),
        ([dict(COSINE, end=50)], 'ends after 50 .* has 40 .* before its lowest'),
        ([dict(COSINE, begin=40, end=50)], 'begins after 40 epochs.*has no effect'),
        (
            [dict(type='LinearLR', end=300, by_epoch=False)],
            'ends after 300 iterations.* 200 .*before the full learning rate',
        ),
        (
            [dict(type='LinearLR', start_factor=1.0, end_factor=0.1, end=20)],
            'ends after 20 epochs',
        ),
        (
            [dict(type='MultiStepLR', milestones=[30, 45])],
            r'after \[45\] epochs.*milestones below 40',
        ),
        (
            [dict(type='OneCycleLR', eta_max=1.0, total_steps=100, by_epoch=False)],
            'ends after 100 iterations',
        ),
    ],
)
def test_errors(tmp_path: Path, parts: list[dict], message: str) -> None:
    """The training has 40 epochs of 5 iterations."""
    runner = runner_of(config(*parts), tmp_path, 5)
    with pytest.raises(ValueError, match=message):
        settle_schedule(runner)


def test_epochs_have_no_effect_in_a_training_of_iterations(tmp_path: Path) -> None:
    cfg = config(dict(COSINE, end=9), by_epoch=False, max_iters=9)
    runner = runner_of(cfg, tmp_path, 5)
    with pytest.raises(ValueError, match='counts epochs.*by_epoch=False'):
        settle_schedule(runner)


@pytest.mark.parametrize(
    'parts',
    [
        [],
        [dict(type='LinearLR', end=5)],  # a warm-up, then a constant rate
        [dict(type='MultiStepLR', milestones=[30], end=210)],
        [dict(type='MultiStepLR', milestones=[30, 38])],
        [dict(type='StepLR', step_size=100)],
        [dict(type='ExponentialLR', gamma=0.9, end=20)],
        [dict(type='ReduceOnPlateauLR', monitor='loss')],
        [dict(type='CosineAnnealingLR')],
        [COSINE, dict(type='ConstantLR', factor=1.0, begin=30, end=40)],
        [dict(type='CosineAnnealingLR', begin=20, end=40, T_max=20)],
        [dict(type='PolyLR', begin=0, end=200, by_epoch=False)],
    ],
)
def test_valid_schedules_are_unchanged(tmp_path: Path, parts: list[dict]) -> None:
    runner = runner_of(config(*parts), tmp_path, 5)
    assert settle_schedule(runner) == []
    assert runner.param_schedulers == parts


def test_one_epoch_of_reduced_rate(tmp_path: Path) -> None:
    """MMEngine would never restore the rate after one step of an epoch."""
    cfg = config(dict(type='ConstantLR', factor=0.1, end=1), epochs=2)
    rates, lines = rates_of(cfg, tmp_path, 5)
    assert rates == pytest.approx([0.1] * 4 + [1.0] * 6)
    assert 'It now has the 5 iterations of an epoch.' in lines[0]


def test_several_optimisers(tmp_path: Path) -> None:
    """The key names the optimiser."""
    runner = runner_of(config(), tmp_path, 5)
    runner.param_schedulers = dict(body=dict(COSINE, end=40), head=[COSINE])
    with pytest.raises(ValueError, match=r'param_scheduler\.head\.0 '):
        settle_schedule(runner)


def test_hooks_that_never_begin(tmp_path: Path) -> None:
    cfg = config(epochs=20)
    cfg.custom_hooks = [
        dict(type='EMAHook', begin_epoch=5),
        dict(type='mmdet.PipelineSwitchHook', switch_epoch=50),
    ]
    (line,) = settle_schedule(runner_of(cfg, tmp_path, 5))
    assert line.startswith('custom_hooks.1.switch_epoch=50: mmdet.PipelineSwitchHook')
    assert 'max_epochs=20' in line
