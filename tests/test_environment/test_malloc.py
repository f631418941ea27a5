"""Freed memory stays in the process, measured by glibc's mallinfo."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rcn_mmpose.environment import malloc

# Prints the result of keep_freed_memory; the number of arrays that glibc
# requested from the system (mallinfo's hblks) for one array of 16 MB; and
# whether the memory of many small arrays is kept after they are freed.
COUNT = """
import ctypes, sys
from rcn_mmpose.environment.malloc import keep_freed_memory

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

class Info(ctypes.Structure):
    names = 'arena ordblks smblks hblks'.split() + list('abcdef')
    _fields_ = [(name, ctypes.c_int) for name in names]

libc.mallinfo.restype = Info
said = keep_freed_memory() if sys.argv[1] == 'keep' else None
before = libc.mallinfo().hblks
large = libc.malloc(16 << 20)
asked = libc.mallinfo().hblks - before
small = [libc.malloc(100_000) for _ in range(300)]
full = libc.mallinfo().arena
for place in small:
    libc.free(place)
kept = libc.mallinfo().arena >= full
print(said, asked, kept)
"""

glibc = pytest.mark.skipif(not malloc._is_glibc(), reason='the C library is not glibc')


@pytest.fixture
def count(fresh: Callable, tmp_path: Path) -> Callable[..., list[str]]:
    def run(what: str, **environment: str) -> list[str]:
        done = fresh('-c', COUNT, what, cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@glibc
def test_large_arrays_are_kept(count: Callable) -> None:
    assert count('plain') == ['None', '1', 'False']
    assert count('keep') == ['True', '0', 'True']


@glibc
@pytest.mark.parametrize(
    ('variable', 'value', 'found'),
    [
        ('MALLOC_MMAP_THRESHOLD_', '131072', ['False', '1', 'True']),
        ('MALLOC_TRIM_THRESHOLD_', '131072', ['False', '0', 'False']),
        (
            'GLIBC_TUNABLES',
            'glibc.malloc.mmap_threshold=131072',
            ['False', '1', 'True'],
        ),
    ],
)
def test_settings_of_the_user_are_kept(
    count: Callable, variable: str, value: str, found: list[str]
) -> None:
    assert count('keep', **{variable: value}) == found


def test_older_glibc_gets_a_smaller_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """mallopt refuses more than 32 MB and returns 0."""
    asked = []

    class Library:
        def __init__(self, name: None) -> None:
            pass

        def mallopt(self, option: int, size: int) -> int:
            asked.append((option, size))
            return int(option != malloc.MMAP_THRESHOLD or size <= 32 << 20)

    for name in ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv('GLIBC_TUNABLES', raising=False)
    monkeypatch.setattr(malloc, '_is_glibc', lambda: True)
    monkeypatch.setattr(malloc.ctypes, 'CDLL', Library)
    assert malloc.keep_freed_memory()
    assert asked == [(-3, 1 << 30), (-3, 32 << 20), (-1, 2**31 - 1)]


@pytest.mark.parametrize('error', [ValueError, AttributeError])
def test_other_systems(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """Musl does not know the name; Windows does not have the function."""

    def confstr(name: str) -> str:
        raise error(name)

    monkeypatch.setattr(os, 'confstr', confstr)
    monkeypatch.setattr(malloc.ctypes, 'CDLL', None)  # would fail if called
    assert not malloc.keep_freed_memory()
