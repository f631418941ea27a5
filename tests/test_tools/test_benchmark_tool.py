"""tools/benchmark.py, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import load_tool

SMALL = """
_base_ = [{base!r}]
model = dict(backbone=dict(num_branches=4))
train_dataloader = dict(batch_size=4, dataset=dict(data_root={data!r}))
"""


@pytest.fixture
def config(root: Path, tmp_path: Path, converted: Path) -> Path:
    path = tmp_path / 'small.py'
    base = str(root / 'configs' / 'rcn_aflw.py')
    path.write_text(SMALL.format(base=base, data=f'{converted}/'))
    return path


def test_a_run(
    fresh: Callable, root: Path, config: Path, tmp_path: Path
) -> None:
    """Table and json tell the same; nothing is left behind."""
    scratch = tmp_path / 'scratch'
    scratch.mkdir()
    done = fresh(
        root / 'tools' / 'benchmark.py',
        *('data', '--configs', config, '--rounds', '2'),
        *('--json', 'found.json'),
        cwd=tmp_path,
        TMPDIR=scratch,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / 'found.json').read_text())
    ((title, rows),) = record['tables'].items()
    assert title == f'{config}, 1 threads'
    assert len(rows) == 4
    for row in rows:
        assert len(row['turns_ms']) == 2 and min(row['turns_ms']) > 0
        assert row['threads'] == 1 and row['faces_a_call'] == 4
        assert f'| {row["what"]} | 1 |' in done.stdout
    assert record['machine']['versions']['torch'] in done.stdout
    assert 'Load average before' in done.stdout
    assert not list(scratch.iterdir())
    assert not (tmp_path / 'work_dirs').exists()


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['fly'], "invalid choice: 'fly'"),
        (['train', '--threads', '0'], '--threads must be 1 or more'),
        (['data', '--rounds', '0'], '--rounds must be 1 or more'),
        (['data', '--configs', 'no.py'], "'no.py' does not exist"),
        (['peers', '--configs', 'CONFIG'], 'peers needs --checkpoints'),
        (
            ['predict', '--configs', 'CONFIG', '--checkpoints', 'a', 'b'],
            '2 --checkpoints for 1 --configs',
        ),
    ],
)
def test_wrong_arguments(
    config: Path,
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    said: str,
) -> None:
    arguments = [str(config) if x == 'CONFIG' else x for x in arguments]
    with pytest.raises(SystemExit):
        load_tool('benchmark.py').parse_args(arguments)
    assert said in capsys.readouterr().err
