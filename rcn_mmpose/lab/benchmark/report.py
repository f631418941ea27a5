"""Report of a benchmark: tables, JSON records, and the machine.

A time is a result only together with the processor, the package versions and
the load of the machine on which it was measured.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from typing import Any

from .turns import Measurement

HEADS = (
    'what',
    'threads',
    'ms per face',
    'quartiles',
    'faces/s',
    'relative time',
)
BUSY = 0.5  # load average above which only the ratios are results


def as_table(rows: Sequence[Measurement]) -> str:
    """Write a Markdown table.

    Args:
        rows (Sequence[Measurement]): The rows. The ratios of a row are
            relative to the first measured row with as many threads.

    Returns:
        str: The table, without a newline at the end.
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


def as_record(rows: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Return the rows as values for JSON; times are in ms."""
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
    """Return a line with the date, the machine and its load.

    Args:
        found (dict): Of :func:`describe`.
        before (float, optional): Load average before the measurement.
        after (float, optional): Load average after the measurement.
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
    """Write a number with three digits; write other values with ``str``."""
    if isinstance(value, float):
        return f'{value:.3g}' if value < 999.5 else f'{value:.0f}'
    return str(value)


def describe() -> dict[str, Any]:
    """Describe the machine and the package versions.

    Returns:
        dict: ``processor``, ``cores`` (number that this process may use),
        ``system``, ``gpu`` (name, or None) and ``versions`` of the packages.
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
    """Return the load average of the last minute, None where unavailable."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):  # Windows
        return None


def _processor() -> str:
    """Return the name of the processor."""
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
