"""A cache of face crops, decoded once, in one memory-mapped array.

A cache is a folder::

    crops.npy      uint8 (N, S, S), grey crops, upright
    faces.npz      keypoints (N, K, 2) in pixels of the crops, visible (N, K),
                   flip_indices (K,)
    manifest.json  the settings and sources of the cache

A crop covers ``extent`` times the face box: the centre of the box is at pixel
S / 2, and its side is S / ``extent`` pixels.
"""

from __future__ import annotations

import json
import os
import os.path as osp
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from mmengine.logging import print_log
from rich.progress import track

from ..io.atomic import DRAFT

try:
    import fcntl
except ImportError:  # Windows: two processes build separate drafts
    fcntl = None  # type: ignore[assignment]  # checked before each use

VERSION = 1  # version of the file format and of the cropping


class CacheNotWritableError(OSError):
    """A crop cache cannot be written to its folder."""


class CachedFace(NamedTuple):
    """One face of a cache."""

    crop: np.ndarray  # uint8 (S, S)
    keypoints: np.ndarray  # float32 (K, 2), pixels of the crop
    visible: np.ndarray  # float32 (K,)


@dataclass(frozen=True)
class CropCache:
    """The contents of a cache; ``crops`` is memory-mapped."""

    crops: np.ndarray  # uint8 (N, S, S)
    keypoints: np.ndarray  # float32 (N, K, 2)
    visible: np.ndarray  # float32 (N, K)
    flip_indices: np.ndarray  # int64 (K,)
    extent: float


def load_cache(folder: str) -> CropCache:
    """Open a cache.

    Args:
        folder (str): Its folder.

    Raises:
        OSError: If a file is missing or cannot be read.
        ValueError: If a file is truncated, or its shape does not fit the
            manifest.
    """
    with open(osp.join(folder, 'manifest.json'), encoding='utf-8') as file:
        manifest = json.load(file)
    # Copy-on-write, because PyTorch warns of arrays that are read-only.
    crops = np.load(osp.join(folder, 'crops.npy'), mmap_mode='c')
    try:
        with np.load(osp.join(folder, 'faces.npz')) as file:
            faces = dict(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f'faces.npz: {error}') from error
    cache = CropCache(crops=crops, extent=manifest['extent'], **faces)
    size = manifest['crop_size']
    found = (crops.shape, len(cache.keypoints), len(cache.visible))
    count = manifest['faces']
    if found != ((count, size, size), count, count):
        raise ValueError(f'shapes {found} for {count} crops of {size} pixels')
    return cache


def outdated(folder: str, manifest: dict) -> str:
    """Return the reason why a cache cannot be used.

    Args:
        folder (str): The cache's folder.
        manifest (dict): The expected settings and sources.

    Returns:
        str: The reason; empty if the cache is up to date.
    """
    try:
        with open(osp.join(folder, 'manifest.json'), encoding='utf-8') as file:
            found = json.load(file)
        changed = [k for k, v in manifest.items() if found.get(k) != v]
        if changed:
            return f'changed: {", ".join(changed)}'
        load_cache(folder)
    except FileNotFoundError:
        return 'not there yet'
    except Exception as error:  # NumPy raises any error for a damaged file
        return f'damaged: {type(error).__name__}: {error}'
    return ''


def ensure_cache(
    folder: str,
    manifest: dict,
    face: Callable[[int], CachedFace],
    flip_indices: np.ndarray,
) -> CropCache:
    """Open a cache, after building it if it is missing or stale.

    If several processes start together, one builds the cache and the others wait.
    The cache is written atomically.

    Args:
        folder (str): The cache's folder.
        manifest (dict): Settings and sources of the cache: ``faces`` (N),
            ``crop_size`` (S), ``extent`` and everything else that must not have
            changed, as values that JSON keeps.
        face (Callable): Makes the i-th face.
        flip_indices (np.ndarray): Indices of the keypoints in a mirrored image,
            (K,).

    Raises:
        CacheNotWritableError: If the cache must be built, and there is no space or
            no permission. Errors of ``face`` pass through.
    """
    if outdated(folder, manifest):
        parent = osp.dirname(osp.abspath(folder))
        with _clear_errors(parent):
            os.makedirs(parent, exist_ok=True)
            lock = open(f'{folder}.lock', 'a')
        with lock:
            locked = _lock(lock, folder)
            reason = outdated(folder, manifest)  # another process may have built it
            if reason:
                print_log(f'Crop cache {folder} ({reason}).', 'current')
                if locked:
                    _remove_drafts(folder)
                _build(folder, manifest, face, flip_indices)
    return load_cache(folder)


@contextmanager
def _clear_errors(parent: str) -> Iterator[None]:
    """Turn errors of writing into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise CacheNotWritableError(
            f'no crop cache can be written in {parent!r}: '
            f'{error.strerror or error}. Make room there, or give another '
            'cache_dir.'
        ) from error


def _lock(lock: Any, folder: str) -> bool:
    """Wait for a lock; return False if the file system has no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print_log(f'Another process builds {folder}: waiting.', 'current')
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def _remove_drafts(folder: str) -> None:
    """Remove the drafts of killed processes."""
    parent, name = osp.split(osp.abspath(folder))
    for entry in os.listdir(parent):
        if entry.startswith(f'{name}.') and entry.endswith(DRAFT):
            shutil.rmtree(osp.join(parent, entry), ignore_errors=True)


def _build(
    folder: str,
    manifest: dict,
    face: Callable[[int], CachedFace],
    flip_indices: np.ndarray,
) -> None:
    """Make all crops in a draft folder, then rename it."""
    parent, name = osp.split(osp.abspath(folder))
    count, size = manifest['faces'], manifest['crop_size']
    with _clear_errors(parent):
        free = shutil.disk_usage(parent).free
        if free < count * size**2:
            raise OSError(
                f'it takes {count * size**2 / 1e6:.0f} MB, and '
                f'{free / 1e6:.0f} MB are free'
            )
        draft = osp.join(parent, f'{name}.{secrets.token_hex(8)}{DRAFT}')
        os.mkdir(draft)  # with the permissions of the umask
    try:
        keypoints, visible = [], []
        with _clear_errors(parent):
            crops = open(osp.join(draft, 'crops.npy'), 'wb')
        # Not through a memory map: a full disk would kill the process.
        try:
            np.lib.format.write_array_header_1_0(
                crops,
                dict(
                    descr='|u1',
                    fortran_order=False,
                    shape=(count, size, size),
                ),
            )
            for i in track(range(count), description='crop cache'):
                made = face(i)
                keypoints.append(made.keypoints)
                visible.append(made.visible)
                with _clear_errors(parent):
                    crops.write(made.crop.tobytes())
            with _clear_errors(parent):
                crops.flush()
                os.fsync(crops.fileno())
        finally:
            with suppress(OSError):  # the error of writing is already raised
                crops.close()
        with _clear_errors(parent):
            np.savez(
                osp.join(draft, 'faces.npz'),
                keypoints=np.array(keypoints, np.float32),
                visible=np.array(visible, np.float32),
                flip_indices=np.array(flip_indices, np.int64),
            )
            path = osp.join(draft, 'manifest.json')
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(manifest, file, indent=1)
            if osp.isdir(folder):
                shutil.rmtree(folder)
            os.rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
