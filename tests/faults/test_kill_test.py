"""A short run of tests/faults/kill_test.py, and tests of its comparison."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
from conftest import load_script


def test_killed_training_and_conversion_give_the_same_results(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    tool = load_script('faults/kill_test.py')
    monkeypatch.setattr(tool, 'EPOCHS', 2)
    few = '--train 12 --val 3 --test 3 --workers 1'.split()
    monkeypatch.setattr(tool, 'RENDER', few)
    for job in ('convert', 'train'):
        out = tmp_path / f'{job}.json'
        assert tool.main([job, '--times', '1', '--json', str(out)]) == 0
        found = json.loads(out.read_text())[job]
        assert found['kills'] == 1
        assert found['ends'] >= 1
    assert 'always the same' in capsys.readouterr().out


def test_a_job_that_does_not_resume_correctly_is_found(tmp_path: Path) -> None:
    tool = load_script('faults/kill_test.py')
    script = tmp_path / 'job.py'
    # This job appends to an incomplete file.
    script.write_text(
        'import sys, time\n'
        'with open(sys.argv[1], "a") as file:\n'
        '    for i in range(10):\n'
        '        print(i, file=file, flush=True)\n'
        '        time.sleep(0.05)\n'
    )
    job = tool.Job(
        lambda folder: [sys.executable, str(script), f'{folder}/out.txt'],
        tool.files('*.txt'),
    )
    (tmp_path / 'runs').mkdir()
    found = tool.torment(job, str(tmp_path / 'runs'), 3, random.Random(1))
    assert found['kills'] == 3
    assert 'out.txt' in found['different']


def test_a_job_that_fails_without_a_kill(tmp_path: Path) -> None:
    tool = load_script('faults/kill_test.py')
    job = tool.Job(
        lambda folder: [sys.executable, '-c', 'raise SystemExit("broken")'],
        tool.files('*'),
    )
    with pytest.raises(ValueError, match='without a kill: broken'):
        tool.torment(job, str(tmp_path), 1, random.Random(0))
