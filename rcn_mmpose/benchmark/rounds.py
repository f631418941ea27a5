"""Measuring several things in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .arm import Arm, Plan, SkipError


@dataclass
class Row:
    """One thing that was measured.

    Attributes:
        name: What.
        threads: It had.
        faces: A call.
        seconds: A face, of each turn; none if it was skipped.
        facts: What else there is to tell.
        reason: Why it was skipped.
    """

    name: str
    threads: int
    faces: int = 0
    seconds: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ''

    @property
    def median(self) -> float:
        """Seconds a face."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The middle half of the turns lies between these seconds a face."""
        if len(self.seconds) == 1:
            return self.seconds[0], self.seconds[0]
        low, _, high = statistics.quantiles(
            self.seconds, n=4, method='inclusive'
        )
        return low, high


def measure(
    plans: Sequence[Plan],
    rounds: int,
    said: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Measure all cases of all plans, each once a round.

    Every other round goes backwards, so that none always follows the same
    one.

    Args:
        plans (Sequence[Plan]): Processes; all live at the same time.
        rounds (int): How many turns each case gets.
        said (Callable): Told what happens.

    Returns:
        list[Row]: In the order of the plans and their cases.
    """
    arms: list[Arm] = []
    rows: list[Row] = []
    turns: list[tuple[Arm, str, Row, int]] = []
    try:
        for plan in plans:
            said(f'set up: {plan.label}')
            try:
                arm = Arm(plan)
            except SkipError as error:
                rows.append(Row(plan.label, plan.threads, reason=str(error)))
                continue
            arms.append(arm)
            for name, (faces, most) in arm.cases.items():
                label = ', '.join(filter(None, (plan.label, name)))
                row = Row(label, plan.threads, faces)
                rows.append(row)
                turns.append((arm, name, row, most))
        for arm, name, row, _ in turns:
            said(f'warm up: {row.name}')
            arm.warm_up(name)
        for number in range(rounds):
            said(f'round {number + 1} of {rounds}')
            for arm, name, row, most in turns[:: 1 - 2 * (number % 2)]:
                if number < most:
                    row.seconds.append(arm.turn(name))
        for arm, name, row, _ in turns:
            row.facts = arm.facts(name)
    finally:
        for arm in arms:
            arm.close()
    return rows
