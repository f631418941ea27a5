from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from rcn_mmpose.io.carried_config import parse_config


@pytest.mark.parametrize(
    'name', ['rcn_300w.py', 'joint_compact_300w.py', 'rcn_synthetic.py']
)
def test_reads_a_config_of_mmengine(root: Path, name: str) -> None:
    config = Config.fromfile(root / 'configs' / name)
    assert parse_config(config.pretty_text) == config.to_dict()


def test_values() -> None:
    text = "a = -1.5\nb = {'x': (1, None), 2: [True]}\nc = dict(d={3, 4})\n"
    assert parse_config(text) == dict(
        a=-1.5, b={'x': (1, None), 2: [True]}, c=dict(d={3, 4})
    )


@pytest.mark.parametrize(
    'text',
    [
        "import os\nos.remove('x')",
        "a = __import__('os')",
        'a = dict(__import__("os"))',
        'a = open("x", "w")',
        'a = dict(b=[c for c in (1, 2)])',
        'a = dict(**b)',
        'a = {**b}',
        'a = b',
        'a: int = 3',
        'a = b = 3',
        'a.b = 3',
        'print(1)',
        'a = (',
    ],
)
def test_programs_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'load_model\(CONFIG, CHECKPOINT'):
        parse_config(text)
