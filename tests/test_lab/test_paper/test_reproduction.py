"""Missing tests of experiments, tools and locks.

The runs themselves are tested in tests/test_tools/test_reproduce.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rcn_mmpose.lab.paper.experiment import Settings
from rcn_mmpose.lab.paper.reproduction import Reproduction
from rcn_mmpose.lab.paper.results import write_run
from rcn_mmpose.lab.paper.tables import load_tables
from rcn_mmpose.lab.paper.tool_process import NotRunError, locked, run_tool

ROOT = str(Path(__file__).parents[3])
AFW = 'data/annotations/afw_test.json'


@pytest.fixture
def reproduction(converted: Path, monkeypatch: pytest.MonkeyPatch) -> Reproduction:
    """The working directory holds the tiny dataset."""
    monkeypatch.chdir(converted.parent)
    tables = load_tables(f'{ROOT}/configs/paper/tables.yml')
    return Reproduction(ROOT, tables, Settings(3))


def test_missing_tests(reproduction: Reproduction) -> None:
    experiment = reproduction.experiment('aflw_rcn_6', 0)
    aflw = experiment.tests[0]
    assert reproduction.lacking(experiment) == ([aflw], AFW)
    assert reproduction.trainings(experiment) == [experiment]

    done = dict(
        fingerprint=experiment.test_fingerprint(aflw),
        list='aflw5_test',
        faces=4,
        errors={},
    )
    run = dict(
        fingerprint=experiment.fingerprint,
        settings=experiment.settings._asdict(),
        seed=0,
        epochs=[3],
        trained_on=experiment.trained_on,
        tests=dict(aflw=done),
    )
    write_run('results', experiment, run)
    assert reproduction.lacking(experiment) == ([], AFW)
    assert reproduction.trainings(experiment) == []
    with pytest.raises(NotRunError, match=f'data missing: {AFW}'):
        reproduction.run(experiment, print)

    # The list of test faces differs from the list of the result.
    path = Path('data/annotations/aflw5_test.json')
    content = path.read_text()
    path.write_text(content.replace('aflw5_test', 'all of AFLW'))
    assert reproduction.lacking(experiment) == ([aflw], AFW)
    # Without test faces the result stays valid.
    path.unlink()
    assert reproduction.lacking(experiment) == ([], AFW)
    # Without faces and result, no test can run.
    other = reproduction.experiment('aflw_rcn_6', 1)
    assert reproduction.lacking(other) == ([], str(path))
    Path('data/annotations/mtfl_val.json').unlink()
    missing = 'data/annotations/mtfl_val.json'
    assert reproduction.lacking(other) == ([], missing)


def test_tools_that_fail(tmp_path: Path) -> None:
    (tmp_path / 'tool.py').write_text(
        'import os, sys\n'
        'print("said", flush=True)\n'
        'os.kill(os.getpid(), 9) if sys.argv[2] == "die" else sys.exit("why")'
    )
    log = str(tmp_path / 'log')
    with pytest.raises(NotRunError, match=r'^why \(.*log\)$') as caught:
        run_tool(str(tmp_path), ['tool.py', 'config', 'x'], log, poll=0.01)
    assert caught.value.failed
    with pytest.raises(NotRunError, match=r'^ended by SIGKILL \(.*log\)$'):
        run_tool(str(tmp_path), ['tool.py', 'config', 'die'], log, poll=0.01)
    assert Path(log).read_text().split('\n')[:4] == [
        '$ python tool.py config x',
        'said',
        'why',
        '$ python tool.py config die',
    ]


def test_a_lock_is_held_by_the_tool_it_is_given_to(tmp_path: Path) -> None:
    path = str(tmp_path / 'new' / 'lock')
    (tmp_path / 'tool.py').write_text('import time; time.sleep(60)')

    class Stopped(Exception):
        pass

    def watch() -> None:
        raise Stopped

    with locked(path) as lock:
        with pytest.raises(NotRunError, match='another process is at it, in'):
            with locked(path, wait=False):
                pass
        with pytest.raises(Stopped):  # the tool is stopped, too
            run_tool(
                str(tmp_path),
                ['tool.py', 'config'],
                str(tmp_path / 'log'),
                lock,
                watch,
                0.01,
            )
    with locked(path, wait=False):
        pass  # the lock is free again
