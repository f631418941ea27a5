"""Failures of many images, grouped by their reason for the summary of a command.

Only a command with a failure imports this module.
"""

from __future__ import annotations

import re

NAMED = 5  # images that are named for one reason
# Parts in which the reasons of one group differ: names and numbers.
VARYING = re.compile(r"""('[^']*'|"[^"]*"|\d+(?:\.\d+)?|\bnan\b|\binf\b)""")
ANY = '...'


class FailureGroups:
    """Count failures by their reason, in memory that does not grow with them."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], _Group] = {}

    def add(self, name: str, reason: str, face: int | None = None) -> None:
        """Add a failed image, or a failed face of an image.

        Reasons that differ only in names and numbers are one group.

        Args:
            name (str): The image.
            reason (str): The reason.
            face (int, optional): Index of the face; None for the whole image.
        """
        parts = VARYING.split(reason)
        kind = tuple(parts[::2])
        group = self._groups.setdefault(kind, _Group(parts))
        group.add(name if face is None else f'{name} (face {face})', parts)

    def lines(self) -> list[str]:
        """Return two lines per group, the largest group first.

        The first line has the number and the reason; names and numbers that differ
        within the group are left out. The second line has the first images.
        """
        groups = sorted(self._groups.values(), key=lambda group: -group.count)
        return [line for group in groups for line in group.lines()]


class _Group:
    """Failures of one kind."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self.count = 0
        self.names: list[str] = []

    def add(self, name: str, parts: list[str]) -> None:
        """Add a failure."""
        self.count += 1
        if self.count <= NAMED:
            self.names.append(name)
        self.parts = [
            ours if ours == theirs else ANY
            for ours, theirs in zip(self.parts, parts, strict=True)
        ]

    def lines(self) -> list[str]:
        """Return the number with the reason, and the names."""
        more = self.count - len(self.names)
        return [
            f'  {self.count} x {"".join(self.parts)}',
            f'      {", ".join(self.names)}{f" and {more} more" if more else ""}',
        ]
