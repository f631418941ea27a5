"""Cases that the process of test_measured_process.py sets up."""

from __future__ import annotations

import os
import time

import torch

from rcn_mmpose.lab.benchmark.measured_process import Case, SkipError


def several(words: list[str]) -> dict[str, Case]:
    """Return a case that sleeps and a case that needs 80 MB."""
    calls = {'pause': 0}

    def pause() -> None:
        calls['pause'] += 1
        time.sleep(0.02)

    def memory() -> None:
        torch.ones(20_000_000)

    return {
        'pause': Case(
            pause,
            4,
            lambda: dict(calls, threads=torch.get_num_threads(), words=words),
        ),
        'memory': Case(memory, 1, most_turns=2),
    }


def nothing() -> dict[str, Case]:
    raise SkipError('no such thing here')


def broken() -> dict[str, Case]:
    raise KeyError('a setting')


def dying() -> dict[str, Case]:
    os._exit(7)
