"""The learning rate of each iteration, against curves computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from .toy_training import ROOT, edited, rates_of, written

AFLW = ROOT / 'configs' / 'rcn_aflw.py'  # 30 epochs, warm-up of 2
CHILD = f"_base_ = ['{AFLW}']\n"


def curve(
    warm_up: int, total: int, begin: int | None = None, peak: float = 2e-3
) -> list[float]:
    """A linear warm-up from 5 % in ``warm_up`` steps, then a cosine to 1e-6."""
    begin = warm_up if begin is None else begin
    rates = []
    for i in range(total):
        if i < warm_up:
            rates.append(peak * (0.05 + 0.95 * i / (warm_up - 1)))
        elif i < begin:
            rates.append(peak)
        else:
            wave = (1 + math.cos(math.pi * (i - begin) / (total - begin))) / 2
            rates.append(1e-6 + (peak - 1e-6) * wave)
    return rates


@pytest.mark.parametrize(
    ('epochs', 'batches', 'warm_up'),
    [
        (30, 3, 6),  # the length of the config
        (40, 3, 8),  # 2 epochs of 3 batches x 40 / 30
        (60, 2, 8),
        (15, 4, 4),
        (5, 12, 4),
        (2, 15, 2),
        (1, 30, 2),
        (5, 9, 3),
    ],
)
def test_options_change_the_length(
    tmp_path: Path, epochs: int, batches: int, warm_up: int
) -> None:
    cfg = edited(AFLW, train_cfg__max_epochs=epochs)
    rates, lines = rates_of(cfg, tmp_path, batches)
    expected = curve(warm_up, epochs * batches)
    assert rates == pytest.approx(expected, rel=1e-9)
    assert len(lines) == (epochs != 30)
    if lines:
        assert f'max_epochs={epochs}, its schedule is made for 30' in lines[0]


def test_an_unchanged_config_keeps_its_schedule() -> None:
    from mmengine.config import Config

    for path in sorted((ROOT / 'configs').rglob('*.py')):
        cfg = Config.fromfile(str(path))
        if path.parent.name != '_base_' and cfg.get('train_cfg'):
            assert edited(path).param_scheduler == cfg.param_scheduler, path


def test_a_child_config_changes_only_the_length(tmp_path: Path) -> None:
    path = written(tmp_path, CHILD + 'train_cfg = dict(max_epochs=45)')
    rates, lines = rates_of(edited(path), tmp_path, 2)
    assert rates == pytest.approx(curve(6, 90), rel=1e-9)
    assert 'param_scheduler.1.end 30 -> 45' in lines[0]
    # An option changes the length once more.
    rates, _ = rates_of(edited(path, train_cfg__max_epochs=15), tmp_path, 2)
    assert rates == pytest.approx(curve(2, 30), rel=1e-9)


def test_times_in_options_are_used_as_they_are(tmp_path: Path) -> None:
    cfg = edited(AFLW, train_cfg__max_epochs=60, param_scheduler__1__end=60)
    rates, lines = rates_of(cfg, tmp_path, 2)
    assert rates == pytest.approx(curve(4, 120), rel=1e-9) and not lines
    # Other settings of the schedule do not fix its times.
    cfg = edited(AFLW, train_cfg__max_epochs=60, param_scheduler__0__start_factor=0.05)
    assert cfg.param_scheduler[0].end == 4


def test_recipe(tmp_path: Path) -> None:
    base = str(ROOT / 'configs' / '_base_' / 'adamw_30_epochs.py')
    paper = ROOT / 'configs' / 'paper' / 'aflw_rcn_6.py'  # 200 epochs
    cfg = edited(paper, base)
    assert cfg.param_scheduler[1].end == 30 and not cfg.lines
    cfg = edited(paper, base, train_cfg__max_epochs=45)
    rates, _ = rates_of(cfg, tmp_path, 2)
    assert rates == pytest.approx(curve(6, 90), rel=1e-9)


@pytest.mark.parametrize('epochs', [30, 1, 2])
def test_one_batch_an_epoch(tmp_path: Path, epochs: int) -> None:
    """A warm-up of one step kept 5 % of the learning rate for ever."""
    text = CHILD + (
        'param_scheduler = [\n'
        "    dict(type='LinearLR', start_factor=0.05, begin=0, end=1,\n"
        '         convert_to_iter_based=True),\n'
        "    dict(type='CosineAnnealingLR', eta_min=1e-6, begin=1, end=30,\n"
        '         convert_to_iter_based=True),\n'
        ']\n'
    )
    cfg = edited(written(tmp_path, text), train_cfg__max_epochs=epochs)
    rates, lines = rates_of(cfg, tmp_path, 1)
    expected = curve(0, 30, begin=1) if epochs == 30 else curve(0, epochs)
    assert rates == pytest.approx(expected, rel=1e-9)
    assert 'param_scheduler.0 (LinearLR) has fewer than two steps' in lines[-1]
    assert lines[-1].endswith('It is left out.')


STEPS = """
train_cfg = dict(by_epoch=True, max_epochs=210, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=1.0))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=420, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', begin=0, end=210, milestones=[170, 200], gamma=0.1),
]
"""


@pytest.mark.parametrize(
    ('epochs', 'warm_up', 'first', 'second'),
    [(21, 42, 170, 200), (1, 2, 8, 10), (2, 4, 16, 19)],
)
def test_schedule_of_mmpose(
    tmp_path: Path, epochs: int, warm_up: int, first: int, second: int
) -> None:
    """Ten batches an epoch: milestones at 170 / 210 and 200 / 210 of the training."""
    cfg = edited(written(tmp_path, STEPS), train_cfg__max_epochs=epochs)
    rates, _ = rates_of(cfg, tmp_path, 10)
    for i, rate in enumerate(rates):
        ramp = min(1, 0.001 + 0.999 * i / (warm_up - 1))
        step = 0.1 ** ((i >= first) + (i >= second))
        assert rate == pytest.approx(ramp * step, rel=1e-6), i


def test_exponential_decay_is_stretched(tmp_path: Path) -> None:
    text = (
        'train_cfg = dict(by_epoch=True, max_epochs=8)\n'
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=1.0))\n"
        "param_scheduler = [dict(type='ExponentialLR', gamma=0.5, end=4)]\n"
    )
    path = written(tmp_path, text)
    rates, _ = rates_of(edited(path), tmp_path, 1)
    assert rates == pytest.approx([1, 0.5, 0.25, 0.125, *[0.125] * 4])
    rates, _ = rates_of(edited(path, train_cfg__max_epochs=4), tmp_path, 1)
    assert rates == pytest.approx([1, 0.25, 0.25, 0.25])


ITERATIONS = """
train_cfg = dict(by_epoch=False, max_iters=300, val_interval=100)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=1e-6, begin=20, end=300, by_epoch=False),
]
"""


@pytest.mark.parametrize(('iterations', 'warm_up'), [(300, 20), (75, 5), (330, 22)])
def test_iterations(tmp_path: Path, iterations: int, warm_up: int) -> None:
    cfg = edited(written(tmp_path, ITERATIONS), train_cfg__max_iters=iterations)
    rates, _ = rates_of(cfg, tmp_path, iterations + 1)
    assert rates == pytest.approx(curve(warm_up, iterations), rel=1e-6)


def test_a_part_without_an_end_follows_the_iterations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MMEngine would end a part that is converted from epochs after one epoch."""
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda seconds: None)
    text = ITERATIONS.replace(
        'begin=20, end=300, by_epoch=False', 'begin=2, convert_to_iter_based=True'
    )
    rates, _ = rates_of(edited(written(tmp_path, text)), tmp_path, 10)
    assert rates == pytest.approx(curve(20, 300), rel=1e-6)
