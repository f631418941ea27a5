"""Building, checking and sharing a crop cache."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.device_data.cache import (
    CachedFace,
    CacheNotWritableError,
    CropCache,
    ensure_cache,
    load_cache,
    outdated,
)

COUNT, SIZE = 6, 32
MANIFEST = dict(
    version=1,
    faces=COUNT,
    crop_size=SIZE,
    extent=1.7831493,
    images='a1',
    annotations='b2',
)


def face(index: int) -> CachedFace:
    rng = np.random.default_rng(index)
    return CachedFace(
        rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8),
        rng.random((3, 2)).astype(np.float32),
        np.float32([1, index % 2, 0]),
    )


def ensure(folder: Path, make: Callable = face, **changed: object) -> CropCache:
    return ensure_cache(str(folder), {**MANIFEST, **changed}, make, [1, 0, 2])


@pytest.fixture
def calls() -> list[int]:
    return []


@pytest.fixture
def counted(calls: list[int]) -> Callable:
    """A function that makes faces and records their indices."""

    def make(index: int) -> CachedFace:
        calls.append(index)
        return face(index)

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / 'cache' / 'crops_1'


def names(folder: Path) -> list[str]:
    return sorted(x.name for x in folder.parent.iterdir())


WHOLE = ['crops_1', 'crops_1.lock']


def check(cache: CropCache) -> None:
    assert isinstance(cache.crops, np.memmap)
    assert cache.crops.dtype == np.uint8
    assert cache.extent == MANIFEST['extent']
    assert cache.flip_indices.tolist() == [1, 0, 2]
    for i in range(COUNT):
        expected = face(i)
        np.testing.assert_array_equal(cache.crops[i], expected.crop)
        np.testing.assert_array_equal(cache.keypoints[i], expected.keypoints)
        np.testing.assert_array_equal(cache.visible[i], expected.visible)


def test_built_once(folder: Path, calls: list, counted: Callable) -> None:
    check(ensure(folder, counted))
    assert calls == list(range(COUNT))
    check(ensure(folder, counted))
    check(load_cache(str(folder)))
    assert len(calls) == COUNT
    assert names(folder) == WHOLE
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    'changed',
    [
        dict(version=2),
        dict(images='a2'),
        dict(annotations='b3'),
        dict(extent=1.6),
        dict(faces=COUNT - 1),
        dict(anything='new'),
    ],
)
def test_rebuilt_when_stale(
    folder: Path, calls: list, counted: Callable, changed: dict
) -> None:
    ensure(folder)
    assert list(changed)[0] in outdated(str(folder), {**MANIFEST, **changed})
    cache = ensure(folder, counted, **changed)
    assert len(cache.crops) == len(calls) == changed.get('faces', COUNT)
    assert names(folder) == WHOLE
    ensure(folder, counted, **changed)
    assert len(calls) == len(cache.crops)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize('file', ['crops.npy', 'faces.npz', 'manifest.json'])
@pytest.mark.parametrize('damage', [cut, Path.unlink])
def test_rebuilt_when_damaged(folder: Path, file: str, damage: Callable) -> None:
    ensure(folder)
    damage(folder / file)
    assert outdated(str(folder), MANIFEST)
    check(ensure(folder))


def test_files_of_another_cache(folder: Path) -> None:
    ensure(folder)
    other = folder.with_name('other')
    ensure(other, faces=COUNT - 1)
    shutil.copy(other / 'crops.npy', folder / 'crops.npy')
    assert 'damaged' in outdated(str(folder), MANIFEST)


def test_an_open_cache_stays_valid(folder: Path) -> None:
    """An open cache stays valid when another process builds a new one."""
    old = ensure(folder)
    ensure(folder, lambda i: face(i + 100), images='a2')
    check(old)


def test_an_error_while_building(folder: Path) -> None:
    """The error is raised unchanged, and no file remains."""

    def broken(index: int) -> CachedFace:
        if index == 3:
            raise FileNotFoundError('image 3')
        return face(index)

    with pytest.raises(FileNotFoundError, match='image 3'):
        ensure(folder, broken)
    assert names(folder) == WHOLE[1:]
    check(ensure(folder))


# ------------------------------------------------- folders without space


def test_too_little_free_space(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder.anchor)
    monkeypatch.setattr(
        shutil, 'disk_usage', lambda path: usage._replace(free=COUNT * 900)
    )
    with pytest.raises(CacheNotWritableError, match='0 MB are free.*room'):
        ensure(folder)
    assert names(folder) == WHOLE[1:]


@contextmanager
def short_files() -> Iterator[None]:
    """Limit the size of all files to 3,000 bytes.

    The limit also applies to a log file of pytest, so it must end soon.
    """
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_the_disk_fills_up(folder: Path) -> None:
    with (
        pytest.raises(CacheNotWritableError, match='too large.*cache_dir'),
        short_files(),
    ):
        ensure(folder)
    assert names(folder) == WHOLE[1:]


def test_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(CacheNotWritableError, match='written in .*file'):
        ensure(tmp_path / 'file' / 'cache' / 'crops_1')


def test_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a read-only disk an existing cache is used; a missing cache is an error."""
    ensure(folder)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    # The tests may run as root, who may write everywhere.
    monkeypatch.setattr(os, 'makedirs', refuse)
    check(ensure(folder))
    with pytest.raises(CacheNotWritableError, match='Read-only file system'):
        ensure(folder, images='a2')


# ------------------------------------------------------- several processes


def slow_face(index: int) -> CachedFace:
    time.sleep(0.05)
    return face(index)


def build(folder: Path, log: Path) -> None:
    def make(index: int) -> CachedFace:
        with open(log, 'a') as file:
            file.write(f'{index}\n')
        return slow_face(index)

    check(ensure(folder, make))


def start(*arguments: object) -> multiprocessing.Process:
    context = multiprocessing.get_context('fork')
    process = context.Process(target=build, args=arguments)
    process.start()
    return process


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize('stale', [False, True])
def test_processes_that_start_together(
    folder: Path, tmp_path: Path, stale: bool
) -> None:
    """One process builds the cache; the others wait for this cache."""
    if stale:
        ensure(folder, lambda i: face(i + 100), images='a2')
    log = tmp_path / 'log'
    processes = [start(folder, log) for _ in range(3)]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert log.read_text().split() == [str(i) for i in range(COUNT)]
    assert names(folder) == WHOLE


def test_a_killed_process(folder: Path, tmp_path: Path) -> None:
    """A killed process releases its lock; the next process removes its draft."""
    log = tmp_path / 'log'
    process = start(folder, log)
    wait_for(lambda: log.exists() and len(log.read_text().split()) > 2)
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    assert not folder.exists()
    assert any(name.endswith('.tmp') for name in names(folder))
    check(ensure(folder))
    assert names(folder) == WHOLE


def test_without_locks(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without locks each process builds a cache; the last cache stays."""
    monkeypatch.setattr('rcn_mmpose.device_data.cache.fcntl', None)
    log = tmp_path / 'log'
    first = start(folder, log)
    wait_for(log.exists)
    check(ensure(folder))  # finishes before the other process
    first.join(30)
    assert first.exitcode == 0
    check(load_cache(str(folder)))
    assert names(folder) == WHOLE
