"""Processes that do what they are told."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from rcn_mmpose.lab.benchmark import arm
from rcn_mmpose.lab.benchmark.arm import Arm, Plan, SkipError


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own finds what this one finds."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def plan(name: str, **options: object) -> Plan:
    return Plan(f'stand_ins:{name}', name, **options)


@pytest.mark.slow
def test_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    worker = Arm(
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
        # 0.02 s for 4 faces; a machine may be slow, not fast
        assert 0.005 <= worker.turn('pause') < 0.05
        # as many calls as fill 0.1 s
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
    """The side of the process, which is this one here."""

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
    monkeypatch.setattr(sys, 'stdout', sys.stdout)  # it is silenced
    arm._serve(pipe, plan(name, keep_memory=False))
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
def test_what_this_side_makes_of_it(
    message: tuple, error: type[Exception], match: str
) -> None:
    ours, theirs = multiprocessing.Pipe()
    waiting = Arm.__new__(Arm)
    waiting.plan, waiting._pipe = plan('x'), ours
    theirs.send(message)
    with pytest.raises(error, match=match):
        waiting._answer()


@pytest.mark.slow
def test_a_process_that_dies() -> None:
    with pytest.raises(RuntimeError, match="'dying' died with status 7"):
        Arm(plan('dying'))
