"""A table and a json of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from .rounds import Row

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
