"""Measure several cases in turns.

The cases take turns, so a machine that slows down slows all cases alike and
the ratios stay right.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .measured_process import MeasuredProcess, ProcessPlan, SkipError


@dataclass
class Measurement:
    """The measured times of one case: a row of a table.

    Attributes:
        name: Name of the case.
        threads: Number of threads.
        faces: Number of faces of a call.
        seconds: Seconds per face of each turn; empty if the case was skipped.
        facts: Further results by name.
        reason: Why the case was skipped; empty if it was measured.
    """

    name: str
    threads: int
    faces: int = 0
    seconds: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ''

    @property
    def median(self) -> float:
        """Median of the turns, in seconds per face."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile of the turns, in seconds per face."""
        if len(self.seconds) == 1:
            return self.seconds[0], self.seconds[0]
        low, _, high = statistics.quantiles(self.seconds, n=4, method='inclusive')
        return low, high


def measure(
    plans: Sequence[ProcessPlan],
    rounds: int,
    notify: Callable[[str], None] = lambda text: None,
) -> list[Measurement]:
    """Measure all cases of all processes; each case has one turn per round.

    Every other round runs in reverse order, so no case always follows the
    same other case.

    Args:
        plans (Sequence[ProcessPlan]): The processes; all live at the same
            time.
        rounds (int): Number of turns of each case.
        notify (Callable): Called with a line about the progress.

    Returns:
        list[Measurement]: In the order of the plans and their cases.
    """
    processes: list[MeasuredProcess] = []
    rows: list[Measurement] = []
    turns: list[tuple[MeasuredProcess, str, Measurement, int]] = []
    try:
        for plan in plans:
            notify(f'set up: {plan.label}')
            try:
                process = MeasuredProcess(plan)
            except SkipError as error:
                rows.append(Measurement(plan.label, plan.threads, reason=str(error)))
                continue
            processes.append(process)
            for name, (faces, most) in process.cases.items():
                label = ', '.join(filter(None, (plan.label, name)))
                row = Measurement(label, plan.threads, faces)
                rows.append(row)
                turns.append((process, name, row, most))
        for process, name, row, _ in turns:
            notify(f'warm up: {row.name}')
            process.warm_up(name)
        for number in range(rounds):
            notify(f'round {number + 1} of {rounds}')
            for process, name, row, most in turns[:: 1 - 2 * (number % 2)]:
                if number < most:
                    row.seconds.append(process.turn(name))
        for process, name, row, _ in turns:
            row.facts = process.facts(name)
    finally:
        for process in processes:
            process.close()
    return rows
