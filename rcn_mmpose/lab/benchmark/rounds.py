"""Rounds of measurements, the machine they ran on, and their report."""
# DOCS Measuring several things in turns.
# DOCS
# DOCS A table and a json of what was measured.
# DOCS
# DOCS What a measurement was made on.

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
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
        low, _, high = statistics.quantiles(self.seconds, n=4, method='inclusive')
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


HEADS = (
    'what',
    'threads',
    'ms a face',
    'quartiles',
    'faces/s',
    'times the first',
)
BUSY = 0.5  # load beside which times are no results


def as_table(rows: Sequence[Row]) -> str:
    """Write a Markdown table.

    Args:
        rows (Sequence[Row]): The first one measured of each number of threads
            is what the others of that number are compared with.

    Returns:
        str: Without an empty line at the end.
    """
    names = [*dict.fromkeys(k for row in rows for k in row.facts)]
    lines = [[*HEADS, *names], ['---'] * (len(HEADS) + len(names))]
    first: dict[int, float] = {}
    for row in rows:
        if not row.seconds:
            lines.append([row.name, str(row.threads), row.reason])
            lines[-1] += [''] * (len(lines[0]) - 3)
            continue
        reference = first.setdefault(row.threads, row.median)
        low, high = row.quartiles
        lines.append(
            [
                row.name,
                str(row.threads),
                _short(1e3 * row.median),
                f'{_short(1e3 * low)} to {_short(1e3 * high)}',
                _short(1 / row.median),
                _short(row.median / reference),
                *(_short(row.facts.get(name, '')) for name in names),
            ]
        )
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def as_record(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON would hold them; times in ms."""
    return [
        dict(
            what=row.name,
            threads=row.threads,
            skipped=row.reason,
            facts=row.facts,
        )
        if not row.seconds
        else dict(
            what=row.name,
            threads=row.threads,
            faces_a_call=row.faces,
            ms_a_face=1e3 * row.median,
            quartiles_ms=[1e3 * x for x in row.quartiles],
            turns_ms=[1e3 * x for x in row.seconds],
            facts=row.facts,
        )
        for row in rows
    ]


def closing_line(
    found: dict[str, Any], before: float | None, after: float | None
) -> str:
    """Tell where and when a table was measured, and how busy it was there.

    Args:
        found (dict): From :func:`~.machine.describe`.
        before (float, optional): Load average before.
        after (float, optional): Load average after.
    """
    line = (
        f'{date.today()}, {found["processor"]}, {found["cores"]} cores, GPU: '
        f'{found["gpu"] or "none"}, torch {found["versions"]["torch"]}. Load '
        f'average before {before}, after {after}.'
    )
    if before is not None and before > BUSY:
        line += ' The machine was busy: take the ratios, not the times.'
    return line


def _short(value: Any) -> str:
    """Write a number with three digits, anything else as it is."""
    if isinstance(value, float):
        return f'{value:.3g}' if value < 999.5 else f'{value:.0f}'
    return str(value)


def describe() -> dict[str, Any]:
    """Describe machine and versions.

    Returns:
        dict: ``processor``, ``cores`` that this process may use, ``system``,
        ``gpu`` (its name, or None) and ``versions`` of the packages.
    """
    import torch

    from ...environment.diagnosis import versions

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return dict(
        processor=_processor(),
        cores=_cores(),
        system=platform.platform(),
        gpu=gpu,
        versions={name: found for name, found, _ in versions()},
    )


def load() -> float | None:
    """Return the load average of the last minute, None if there is none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):  # Windows
        return None


def _processor() -> str:
    """Name the processor."""
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            for line in file:
                if line.startswith('model name'):
                    return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
