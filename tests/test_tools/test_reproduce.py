"""Tests of tools/reproduce.py on a tiny dataset."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import load_tool

from rcn_mmpose.lab.paper import reproduction, tool_process
from rcn_mmpose.lab.paper.work_folder import validation_curve

SMALL = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
]


@pytest.fixture
def tool(converted: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """A function that runs the tool beside the tiny dataset."""
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.setenv('PYTHONPATH', str(Path(__file__).parents[2]))

    def run(*arguments: str) -> int:
        monkeypatch.chdir(converted.parent)
        return load_tool('reproduce.py').main(list(arguments))

    return run


class Stopped(Exception):
    """Stand-in for a kill."""


def test_a_killed_row_is_resumed(
    tool: Callable,
    converted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    row = ['table3', '--rows', 'aflw_rcn_6', '--epochs', '9']
    command = [*row, '--cfg-options', *SMALL]
    sleep = time.sleep
    monkeypatch.setattr(tool_process.time, 'sleep', lambda _: sleep(0.02))

    def stop(folder: str, updates: int) -> tuple[float, float | None]:
        if len(validation_curve(folder, 'NME_cells_eye_points')) > 1:
            raise Stopped
        return 0.5, None

    with monkeypatch.context() as patch:
        patch.setattr(reproduction, 'progress', stop)
        with pytest.raises(Stopped):
            tool(*command)
    assert not Path('results').exists()
    page = Path('docs/paper.md').read_text()
    assert page.count('| not run |') == 6
    (work,) = Path('work_dirs/reproduce/aflw_rcn_6').glob('9_epochs_*/seed_0')
    reached = len(validation_curve(str(work), 'NME_cells_eye_points'))
    assert 2 <= reached < 9

    # The test on AFLW is done; the row says that AFW is missing.
    assert tool(*command) == 3
    log = (work / 'train.log').read_text()
    assert log.count('$ python tools/train.py') == 2
    assert re.search(rf'resumed epoch: [1-{reached}],', log)
    out = capsys.readouterr().out
    assert re.search(r'\[1/1\] aflw_rcn_6: epoch .* of 9, .* left, all', out)

    (run,) = json.loads(Path('results/aflw_rcn_6.json').read_text())['runs']
    curve = run['validation']['curve']
    assert len(curve) == 9 and None not in curve
    assert run['validation']['score'] == pytest.approx(min(curve), abs=1e-3)
    assert curve.index(min(curve)) + 1 == run['validation']['epoch']
    assert run['trained_on'] == [dict(list='mtfl_train', faces=12)]
    assert run['tests']['aflw']['tested'] == 4
    error = run['tests']['aflw']['errors']['NME_cells_eye_points']
    metrics = json.loads((work / 'test_aflw' / 'metrics.json').read_text())
    assert error == pytest.approx(metrics['NME_cells_eye_points'], abs=1e-4)
    errors = (work / 'test_aflw' / 'errors.csv').read_text()
    assert len(errors.splitlines()) == 1 + 4
    page = Path('docs/paper.md').read_text()
    assert f'| RCN | 9 | 1 | {error:.2f} (' in page
    assert '| not run: data missing: data/annotations/afw_test.json |' in page
    recipe = run['command'].replace('configs/paper/aflw_rcn_6.py', 'CONFIG')
    assert f'Recipe a: `{recipe}`.' in page
    assert run['command'].startswith(
        'python tools/train.py configs/paper/aflw_rcn_6.py --cfg-options '
        'train_cfg.max_epochs=9 '
    )

    # All results are on record: no process is started.
    monkeypatch.setattr(tool_process.subprocess, 'Popen', None)
    assert tool(*command) == 3
    assert tool(*row, '--only-table') == 0
    assert tool(*command, 'model.backbone.skip=True', '--only-table') == 0
    assert Path('docs/paper.md').read_text().count('| RCN | 9 |') == 1


def test_failed_and_locked_rows(
    tool: Callable, converted: Path, capsys: pytest.CaptureFixture
) -> None:
    row = ['table3', '--rows', 'aflw_rcn_6', '--epochs', '1']
    bad = ['--cfg-options', *SMALL, 'optim_wrapper.optimizer.rhoo=1']
    assert tool(*row, *bad) == 1
    out = capsys.readouterr().out
    assert "unknown key 'rhoo' in optim_wrapper.optimizer" in out
    assert 'train.log)' in out
    assert '| not run: failed |' in Path('docs/paper.md').read_text()

    (lock,) = Path('work_dirs/reproduce/aflw_rcn_6').glob('*/seed_0/lock')
    with tool_process.locked(str(lock), wait=False):
        assert tool(*row, *bad) == 3
    assert 'another process is at it, in work_d' in capsys.readouterr().out


def test_missing_data(tool: Callable, capsys: pytest.CaptureFixture) -> None:
    assert tool('table4', '--seeds', '2') == 3
    out = capsys.readouterr().out
    said = 'data missing: data/annotations/300w_train.json'
    assert out.count(said) == 6  # three rows, two seeds
    assert f'| not run: {said} |' in Path('docs/paper.md').read_text()
    # The same holds for missing synthetic faces.
    assert tool('table3', '--data', 'synthetic') == 3
    page = Path('work_dirs/reproduce/synthetic.md').read_text()
    assert '| row | epochs | seeds | synthetic faces | recipe |' in page
    assert 'data missing: data/synthetic/annotations/train_5.json' in page


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['tabel1'], "unknown table 'tabel1': choose one of table1, table2"),
        (['table1', '--rows', 'rcn'], "table1 has no row 'rcn'; its rows are"),
        (['all', '--rows', 'rcn'], '--rows goes with one table'),
        (['table1', '--cfg-options', 'a.b'], "option 'a.b': give KEY=VALUE"),
        (
            ['table1', '--cfg-options', 'randomness.seed=3'],
            'randomness.seed cannot be one of --cfg-options',
        ),
    ],
)
def test_errors(tool: Callable, arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tool(*arguments)
    assert not Path('docs').exists()


@pytest.mark.parametrize('option', ['--epochs', '--seeds'])
def test_numbers_below_1(
    tool: Callable, option: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        tool('table1', option, '0')
    assert f'{option} 0: give 1 or more' in capsys.readouterr().err


def test_times_in_words() -> None:
    words = load_tool('reproduce.py').in_words
    assert [words(s) for s in (12.4, 59.4, 150, 7500)] == [
        '12 s',
        '59 s',
        '2 min',
        '2 h 05 min',
    ]
