"""Processes that do what they are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rcn_mmpose.benchmark.arm import Arm, Plan, SkipError


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own finds what this one finds."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def plan(name: str, **options: object) -> Plan:
    return Plan(f'stand_ins:{name}', name, **options)


def test_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    arm = Arm(
        plan(
            'several',
            arguments=dict(words=['a', 'b']),
            threads=2,
            keep_memory=False,
        )
    )
    try:
        assert os.environ['OMP_NUM_THREADS'] == '3'
        assert arm.cases == dict(pause=(4, 1000), memory=(1, 2))
        arm.warm_up('pause')
        before = arm.facts('pause')
        assert before['pause'] == 3
        assert before['threads'] == 2
        assert before['words'] == ['a', 'b']
        # 0.02 s for 4 faces; a machine may be slow, not fast
        assert 0.005 <= arm.turn('pause') < 0.05
        # as many calls as fill 0.1 s
        assert 1 <= arm.facts('pause')['pause'] - before['pause'] <= 5
        small = arm.facts('pause')['memory_mb']
        arm.warm_up('memory')
        arm.turn('memory')
        large = arm.facts('memory')['memory_mb']
        assert 70 < large - small < 140
    finally:
        arm.close()
    assert not arm._process.is_alive()


@pytest.mark.parametrize(
    ('name', 'error', 'match'),
    [
        ('nothing', SkipError, '^no such thing here$'),
        ('broken', RuntimeError, "(?s)'broken' failed.*KeyError: 'a setting'"),
        ('dying', RuntimeError, "'dying' died with status 7"),
    ],
)
def test_setups_that_fail(
    name: str, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        Arm(plan(name))
