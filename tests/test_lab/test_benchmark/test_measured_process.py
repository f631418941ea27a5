"""Requests to a measured process and its answers."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from rcn_mmpose.lab.benchmark import measured_process
from rcn_mmpose.lab.benchmark.measured_process import (
    MeasuredProcess,
    ProcessPlan,
    SkipError,
)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the new process import stand_ins."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def plan(name: str, **options: object) -> ProcessPlan:
    return ProcessPlan(f'stand_ins:{name}', name, **options)


@pytest.mark.slow
def test_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    worker = MeasuredProcess(
        plan(
            'several',
            arguments=dict(words=['a', 'b']),
            threads=2,
            keep_memory=False,
        )
    )
    try:
        assert os.environ['OMP_NUM_THREADS'] == '3'
        assert worker.cases == dict(pause=(4, 1000), memory=(1, 2))
        worker.warm_up('pause')
        before = worker.facts('pause')
        assert before['pause'] == 3
        assert before['threads'] == 2
        assert before['words'] == ['a', 'b']
        # A call takes 0.02 s for 4 faces; a slow machine may take longer.
        assert 0.005 <= worker.turn('pause') < 0.05
        # A turn has enough calls for 0.1 s.
        assert 1 <= worker.facts('pause')['pause'] - before['pause'] <= 5
        small = worker.facts('pause')['memory_mb']
        worker.warm_up('memory')
        worker.turn('memory')
        large = worker.facts('memory')['memory_mb']
        assert 70 < large - small < 140
    finally:
        worker.close()
    assert not worker._process.is_alive()


class Pipe:
    """Stand-in for the measured process's end of the pipe."""

    def __init__(self) -> None:
        self.sent: list[tuple] = []

    def send(self, message: tuple) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    ('name', 'kind', 'text'),
    [
        ('nothing', 'skip', 'no such thing here'),
        ('broken', 'error', "KeyError: 'a setting'"),
    ],
)
def test_setups_that_fail(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: str, text: str
) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, 'stdout', sys.stdout)  # _serve replaces it
    measured_process._serve(pipe, plan(name, keep_memory=False))
    ((said, content),) = pipe.sent
    assert said == kind
    assert content.strip().endswith(text)


@pytest.mark.parametrize(
    ('message', 'error', 'match'),
    [
        (('skip', 'not here'), SkipError, '^not here$'),
        (('error', 'Traceback'), RuntimeError, "'x' failed:\nTraceback"),
    ],
)
def test_answers_become_exceptions(
    message: tuple, error: type[Exception], match: str
) -> None:
    ours, theirs = multiprocessing.Pipe()
    waiting = MeasuredProcess.__new__(MeasuredProcess)
    waiting.plan, waiting._pipe = plan('x'), ours
    theirs.send(message)
    with pytest.raises(error, match=match):
        waiting._answer()


@pytest.mark.slow
def test_a_process_that_dies() -> None:
    with pytest.raises(RuntimeError, match="'dying' died with status 7"):
        MeasuredProcess(plan('dying'))
