"""A bar that shows how far the work is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Says that some of the work is done."""

    def __call__(self, steps: int = 1) -> None:
        """Say how much."""


@contextmanager
def progress(
    text: str, total: int | None, quiet: bool = False
) -> Iterator[Advance]:
    """Show a bar while the block runs, on a terminal alone.

    Without rich, which an environment for exported models need not have,
    nothing is shown.

    Args:
        text (str): What is done.
        total (int, optional): Steps in all; None if not known.
        quiet (bool): Show nothing. Defaults to False.
    """
    bar = None
    if sys.stderr.isatty() and not quiet:
        try:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            bar = Progress(
                TextColumn('{task.description}'),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
        except ImportError:
            pass
    if bar is None:
        yield lambda steps=1: None
        return
    with bar:
        task = bar.add_task(text, total=total)
        yield lambda steps=1: bar.advance(task, steps)
