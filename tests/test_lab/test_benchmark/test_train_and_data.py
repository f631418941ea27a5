"""The cases of the benchmarks of training and of data loading."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import torch

from rcn_mmpose.lab.benchmark import data, train
from rcn_mmpose.lab.benchmark.turns import Measurement

from .small_experiment import write_config


@pytest.fixture
def small(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With 12 faces to train and 4 to test."""
    return write_config(converted, tmp_path, monkeypatch)


def test_groups() -> None:
    plans = train.groups(['a.py', 'b.py'], [1, 2], 'f', 'cpu', True, 8)
    assert list(plans) == [
        f'{name}.py, {count} threads' for name in 'ab' for count in (1, 2)
    ]
    group = plans['b.py, 2 threads']
    assert [plan.label for plan in group] == [
        'fp32, NCHW',
        'fp32, channels_last',
        'bf16, NCHW',
        "bf16, channels_last, malloc's defaults",
        'bf16, channels_last',
        'bf16, channels_last, compiled',
    ]
    assert [plan.keep_memory for plan in group] == [True] * 3 + [False] + [True] * 2
    assert {plan.threads for plan in group} == {2}
    assert group[4].arguments == dict(
        config='b.py',
        folder='f',
        precision='bf16',
        layout='channels_last',
        batch=8,
        loops=True,
    )
    # On a GPU, malloc's defaults are not measured.
    other = train.groups(['a.py'], [1], 'f', 'cuda', False)
    assert [plan.label for plan in other['a.py, 1 threads']] == [
        'fp32, NCHW',
        'fp32, channels_last',
        'fp16, NCHW',
        'fp16, channels_last',
    ]


def test_share_of_the_bare_step() -> None:
    rows = [
        Measurement('bf16, NCHW, bare step', 1, 4, [9.0]),
        Measurement('bf16, channels_last, bare step', 1, 4, [3.0]),
        Measurement('bf16, channels_last, whole loop, on the device', 1, 4, [4.0]),
        Measurement('bf16, compiled', 1, reason='no compiler'),
    ]
    train.compare(rows)
    assert rows[2].facts == dict(bare_step_share=0.75)
    assert rows[0].facts == rows[1].facts == {}


@pytest.mark.parametrize(
    ('precision', 'layout', 'wrapper'),
    [
        ('fp32', 'NCHW', 'OptimWrapper'),
        ('bf16', 'channels_last', 'CPUAmpOptimWrapper'),
    ],
)
def test_training_cases(
    small: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    layout: str,
    wrapper: str,
) -> None:
    made = []

    class SteppedTraining(train.SteppedTraining):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            made.append((self.runner, options['device_data']))

    monkeypatch.setattr(train, 'SteppedTraining', SteppedTraining)
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    cases = train.set_up(small, str(tmp_path), precision, layout, batch=3, loops=True)
    assert [device_data for _, device_data in made] == [True, False, True]
    for runner, _ in made:
        assert type(runner.optim_wrapper).__name__ == wrapper
        weight = runner.model.backbone.branches[0][0].conv.weight
        assert weight.shape[1] > 1
        last = weight.is_contiguous(memory_format=torch.channels_last)
        assert last == (layout == 'channels_last')
    assert list(cases) == [
        'bare step',
        'whole loop, per-sample transforms',
        'whole loop, data made on the device',
    ]
    for case in cases.values():
        assert case.faces == 3
        case.run()
        assert case.facts()


def test_data_pipelines(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    cases = data.set_up(small, str(tmp_path), 'cpu')
    shapes = {}
    for name, case in cases.items():
        for _ in range(4):  # beyond an epoch of 3 batches
            batch = case.run()
        shapes[name] = tuple(batch['inputs'].shape)
        labels = batch['data_samples'][0]
        assert len(batch['data_samples']) == case.faces == 4
        if name.startswith('MMPose'):
            side = labels.gt_fields.heatmaps.shape[-1]
            assert side == (64 if '256' in name else 80)
        else:
            cells = labels.gt_instance_labels.keypoint_cells
            assert cells.shape[:2] == (1, 5)
        assert case.facts() == dict(batch=4, on='mtfl_train')
    assert shapes == {
        "MMPose's, 256x256": (4, 3, 256, 256),
        "MMPose's, 80x80": (4, 3, 80, 80),
        'per-sample transforms': (4, 1, 80, 80),
        'data made on the device': (4, 1, 80, 80),
    }
