"""The order of the turns, and the rows that they fill."""

from __future__ import annotations

import pytest

from rcn_mmpose.lab.benchmark import turns
from rcn_mmpose.lab.benchmark.measured_process import ProcessPlan, SkipError
from rcn_mmpose.lab.benchmark.turns import Measurement, measure

CASES = dict(
    one={'a': (1, 1000), 'b': (4, 1)},
    two={'': (2, 1000)},
    broken={'x': (1, 9)},
)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests to the processes, in order; no process is started."""
    found: list[str] = []

    class MeasuredProcess:
        def __init__(self, plan: ProcessPlan) -> None:
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

    monkeypatch.setattr(turns, 'MeasuredProcess', MeasuredProcess)
    return found


def plans(*labels: str) -> list[ProcessPlan]:
    return [ProcessPlan('m:f', label, threads=2) for label in labels]


def test_all_take_turns(events: list[str]) -> None:
    rows = measure(plans('one', 'absent', 'two'), 3)
    assert events == [
        'warm up onea',
        'warm up oneb',
        'warm up two',
        *('onea', 'oneb', 'two'),
        *('two', 'onea'),  # b has at most one turn
        *('onea', 'two'),
        'close one',
        'close two',
    ]
    assert rows == [
        Measurement('one, a', 2, 1, [1.0, 3.0, 4.0], dict(of='onea')),
        Measurement('one, b', 2, 4, [2.0], dict(of='oneb')),
        Measurement('absent', 2, reason='not installed'),
        Measurement('two', 2, 2, [1.0, 2.0, 3.0], dict(of='two')),
    ]


def test_an_error_ends_all_processes(events: list[str]) -> None:
    with pytest.raises(RuntimeError, match='it broke'):
        measure(plans('two', 'broken'), 1)
    assert events[-2:] == ['close two', 'close broken']


def test_median_and_quartiles() -> None:
    row = Measurement('x', 1, seconds=[5.0, 1.0, 2.0, 4.0, 3.0])
    assert row.median == 3
    assert row.quartiles == (2, 4)
    assert Measurement('x', 1, seconds=[7.0]).quartiles == (7, 7)
