"""A tiny experiment to measure."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

CONFIGS = Path(__file__).parents[3] / 'configs'
SMALL = """
_base_ = [{base!r}]
model = dict(backbone=dict(num_branches=4))
train_dataloader = dict(
    batch_size=4,
    dataset=dict(data_root={data!r}, serialize_data=False),
)
val_dataloader = dict(dataset=dict(data_root={data!r}))
test_dataloader = dict(dataset=dict(data_root={data!r}))
"""


def write_config(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a config like rcn_aflw.py, with data of its own.

    A run's default scope ends with its test.
    """
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())
    path = folder / 'small.py'
    base = str(CONFIGS / 'rcn_aflw.py')
    path.write_text(SMALL.format(base=base, data=f'{data}/'))
    return str(path)
