"""Who takes turns, when, and what becomes of it."""

from __future__ import annotations

import pytest

from rcn_mmpose.lab.benchmark import rounds
from rcn_mmpose.lab.benchmark.arm import Plan, SkipError
from rcn_mmpose.lab.benchmark.rounds import Row, measure

CASES = dict(
    one={'a': (1, 1000), 'b': (4, 1)},
    two={'': (2, 1000)},
    broken={'x': (1, 9)},
)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What processes were asked for; none is started."""
    found: list[str] = []

    class Arm:
        def __init__(self, plan: Plan) -> None:
            if plan.label == 'absent':
                raise SkipError('not installed')
            self.cases, self.label = CASES[plan.label], plan.label
            self.seconds = 0.0

        def warm_up(self, name: str) -> None:
            found.append(f'warm up {self.label}{name}')

        def turn(self, name: str) -> float:
            if self.label == 'broken':
                raise RuntimeError('it broke')
            found.append(f'{self.label}{name}')
            self.seconds += 1
            return self.seconds

        def facts(self, name: str) -> dict:
            return dict(of=f'{self.label}{name}')

        def close(self) -> None:
            found.append(f'close {self.label}')

    monkeypatch.setattr(rounds, 'Arm', Arm)
    return found


def plans(*labels: str) -> list[Plan]:
    return [Plan('m:f', label, threads=2) for label in labels]


def test_all_take_turns(events: list[str]) -> None:
    rows = measure(plans('one', 'absent', 'two'), 3)
    assert events == [
        'warm up onea',
        'warm up oneb',
        'warm up two',
        *('onea', 'oneb', 'two'),
        *('two', 'onea'),  # b has had its one turn
        *('onea', 'two'),
        'close one',
        'close two',
    ]
    assert rows == [
        Row('one, a', 2, 1, [1.0, 3.0, 4.0], dict(of='onea')),
        Row('one, b', 2, 4, [2.0], dict(of='oneb')),
        Row('absent', 2, reason='not installed'),
        Row('two', 2, 2, [1.0, 2.0, 3.0], dict(of='two')),
    ]


def test_an_error_ends_all_processes(events: list[str]) -> None:
    with pytest.raises(RuntimeError, match='it broke'):
        measure(plans('two', 'broken'), 1)
    assert events[-2:] == ['close two', 'close broken']


def test_median_and_quartiles() -> None:
    row = Row('x', 1, seconds=[5.0, 1.0, 2.0, 4.0, 3.0])
    assert row.median == 3
    assert row.quartiles == (2, 4)
    assert Row('x', 1, seconds=[7.0]).quartiles == (7, 7)
