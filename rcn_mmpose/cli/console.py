"""What verbs show: progress, counts, failures; and protection of input files."""
# DOCS A bar that shows how far the work is.
# DOCS
# DOCS Files that a verb reads, which it must not write over.
# DOCS
# DOCS What failed and why, in few lines.

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Says that some of the work is done."""

    def __call__(self, steps: int = 1) -> None:
        """Say how much."""


@contextmanager
def progress(text: str, total: int | None, quiet: bool = False) -> Iterator[Advance]:
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


def spare(option: str, path: str, read: Mapping[str, str]) -> None:
    """Refuse to write over a file that is read.

    Args:
        option (str): By which the file to write was named.
        path (str): The file to write.
        read (Mapping[str, str]): What the files that are read are, by their
            paths.

    Raises:
        ValueError: If it is one of them, by whatever name.
    """
    place = os.path.realpath(path)
    for file, what in read.items():
        if os.path.realpath(file) == place:
            raise ValueError(f'{option} {path!r} is {what}; give another.')


def model_files(options: argparse.Namespace) -> dict[str, str]:
    """Say what the files that were named as a model are, by their paths."""
    files = {options.model: 'the model'}
    base, ending = os.path.splitext(options.model)
    if ending == '.onnx':
        files[f'{base}.json'] = 'the description of the model'
    if options.checkpoint:
        files[options.checkpoint] = 'the checkpoint'
    return files


NAMED = 5  # of those that failed for the same reason


def describe_failures(failures: Iterable[Mapping]) -> list[str]:
    """Group failures by their reason.

    Reasons that differ in names and numbers alone count as one; the first of
    them stands for all.

    Args:
        failures (Iterable[Mapping]): With ``file_name``, ``face`` (an index,
            or None for all of the image) and ``reason``.

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
