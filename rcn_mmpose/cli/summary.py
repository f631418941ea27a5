"""What failed and why, in few lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NAMED = 5  # of those that failed for the same reason


def describe_failures(failures: Iterable[Mapping]) -> list[str]:
    """Group failures by their reason.

    Reasons that differ in names and numbers alone count as one; the first of
    them stands for all.

    Args:
        failures (Iterable[Mapping]): With ``file_name``, ``face`` (an index,
            or None for all of the picture) and ``reason``.

    Returns:
        list[str]: For each reason a line with their number and a line that
        names them, the most frequent reason first.
    """
    groups: dict[str, list[Mapping]] = {}
    for failure in failures:
        kind = re.sub(r"'[^']*'|[\d.]+|nan|inf", '', failure['reason'])
        groups.setdefault(kind, []).append(failure)
    lines = []
    for group in sorted(groups.values(), key=len, reverse=True):
        names = [
            failure['file_name']
            if failure['face'] is None
            else f'{failure["file_name"]} (face {failure["face"]})'
            for failure in group
        ]
        more = f' and {len(group) - NAMED} more' if len(group) > NAMED else ''
        lines.append(f'  {len(group)} x {group[0]["reason"]}')
        lines.append(f'      {", ".join(names[:NAMED])}{more}')
    return lines


def counted(number: int, what: str) -> str:
    """Return a number with a word in the singular or the plural."""
    return f'{number} {what}' if number == 1 else f'{number} {what}s'
