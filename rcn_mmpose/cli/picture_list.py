"""From what is named on the command line to the pictures."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from typing import NamedTuple

# what OpenCV decodes, by the endings of files
ENDINGS = tuple(
    '.avif .bmp .dib .exr .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png '
    '.pnm .ppm .pxm .ras .sr .tif .tiff .webp'.split()
)


class PictureList(NamedTuple):
    """What was found.

    Attributes:
        paths: Of the pictures, each once, in the order they were named;
            those of a folder by name.
        failures: Names of which nothing came, and why.
        others: How many files in folders have the ending of no picture.
    """

    paths: list[str]
    failures: list[tuple[str, str]]
    others: int


def list_pictures(
    names: Iterable[str], recursive: bool = False
) -> PictureList:
    """Find the pictures.

    Args:
        names (Iterable[str]): Files, whatever their ending (they are not
            looked at); folders, of which the files with the ending of a
            picture are taken; or patterns with ``*``, ``?`` or ``[``, where
            ``**`` stands for any folders.
        recursive (bool): Whether to take the folders in folders as well.
            Defaults to False.

    Returns:
        PictureList: The pictures, and what is none.
    """
    paths: dict[str, None] = {}
    failures, others = [], 0
    for name in names:
        found = [name]
        if not os.path.lexists(name) and glob.has_magic(name):
            found = sorted(glob.glob(name, recursive=True))
            if not found:
                failures.append((name, 'the pattern matches no file.'))
        for path in found:
            if not os.path.isdir(path):
                paths[path] = None
                continue
            files, unread = _files(path, recursive)
            failures += unread
            pictures = [f for f in files if f.lower().endswith(ENDINGS)]
            others += len(files) - len(pictures)
            paths.update(dict.fromkeys(pictures))
            if not pictures and not unread:
                failures.append((path, 'the folder holds no picture.'))
    return PictureList(list(paths), failures, others)


def _files(
    folder: str, recursive: bool
) -> tuple[list[str], list[tuple[str, str]]]:
    """List the files of a folder by name, and the folders not readable."""
    files, unread = [], []

    def note(error: OSError) -> None:
        unread.append(
            (error.filename, f'the folder cannot be read: {error.strerror}.')
        )

    for place, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        files += [os.path.join(place, name) for name in sorted(names)]
        if not recursive:
            break
    return files, unread
