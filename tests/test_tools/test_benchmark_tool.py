"""tools/analysis_tools/benchmark.py in a new process."""

from __future__ import annotations

import json
import shlex
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


def test_a_run(fresh: Callable, root: Path, config: Path, tmp_path: Path) -> None:
    """Table and JSON agree; no temporary file remains."""
    scratch = tmp_path / 'scratch'
    scratch.mkdir()
    page = tmp_path / 'page.md'
    page.write_text('a\n<!-- begin here -->\n<!-- end here -->\nb\n')
    done = fresh(
        root / 'tools' / 'analysis_tools' / 'benchmark.py',
        *('data', '--configs', config, '--rounds', '2'),
        *('--json', 'found.json', '--page', 'page.md', '--mark', 'here'),
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
    head, between, rest = page.read_text().split(' here -->')
    assert (head, rest) == ('a\n<!-- begin', '\nb\n')
    assert between.count('\n| ') == 2 + 4 and 'Load average' in between
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
        load_tool('analysis_tools/benchmark.py').parse_args(arguments)
    assert said in capsys.readouterr().err


def test_commands_of_the_page(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool accepts each command, and the page has marks for its tables."""
    page = (root / 'docs' / 'studies.md').read_text()
    tool = load_tool('analysis_tools/benchmark.py')
    monkeypatch.setattr(tool.os.path, 'isfile', lambda path: True)
    monkeypatch.setattr(tool.torch.cuda, 'is_available', lambda: True)
    lines = page.replace('\\\n', ' ').splitlines()
    commands = [
        x for x in lines if x.startswith('python tools/analysis_tools/benchmark')
    ]
    assert len(commands) == 8
    for command in commands:
        args = tool.parse_args(shlex.split(command)[2:])
        assert args.page == 'docs/studies.md'
        mark = args.mark or args.subject
        for end in ('begin', 'end'):
            assert page.count(f'<!-- {end} {mark} -->') == 1, mark
        for config in args.configs:
            assert (root / config).exists()
