"""Find the image files that a command line names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from typing import NamedTuple

# File endings of the formats that OpenCV decodes.
ENDINGS = tuple(
    '.avif .bmp .dib .exr .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png '
    '.pnm .ppm .pxm .ras .sr .tif .tiff .webp'.split()
)
EMPTY = 'the folder holds no image.'
EMPTY_AT_TOP = (
    'the folder itself holds no image; --recursive searches its subfolders, too.'
)


class ImageList(NamedTuple):
    """The images that were found.

    Attributes:
        paths: Paths of the images, in the order in which they were named, those
            of a folder sorted by name. Each image occurs once, under its first
            name.
        failures: Names without an image, with the reasons.
        ignored: Number of files in folders that do not have the ending of an
            image.
    """

    paths: list[str]
    failures: list[tuple[str, str]]
    ignored: int


def list_images(names: Iterable[str], recursive: bool = False) -> ImageList:
    """Find the images that are named.

    Args:
        names (Iterable[str]): Files with any ending (they are not read here);
            folders, whose files with the ending of an image are taken; or
            patterns with ``*``, ``?`` or ``[``, in which ``**`` stands for any
            number of folders.
        recursive (bool): Whether to search subfolders. Defaults to False.

    Returns:
        ImageList: The images, and the names without an image.
    """
    paths: dict[str, str] = {}  # from absolute path to the name as given
    failures, ignored = [], 0
    for name in names:
        found = [name]
        if not os.path.lexists(name) and glob.has_magic(name):
            found = sorted(glob.glob(name, recursive=True))
            if not found:
                failures.append((name, 'the pattern matches no file.'))
        for path in found:
            if not os.path.isdir(path):
                paths.setdefault(_absolute(path), path)
                continue
            files, unread = _files(path, recursive)
            failures += unread
            images = [f for f in files if f.lower().endswith(ENDINGS)]
            ignored += len(files) - len(images)
            for image in images:
                paths.setdefault(_absolute(image), image)
            if not images and not unread:
                failures.append((path, EMPTY if recursive else EMPTY_AT_TOP))
    return ImageList(list(paths.values()), failures, ignored)


def _absolute(path: str) -> str:
    """Return the same absolute path for all spellings of a path.

    A file and a symbolic link to it stay two images: their names may carry a
    meaning.
    """
    folder, name = os.path.split(path)
    if os.pardir in folder.split(os.sep):
        # The parent of a symbolic link is the parent of its target.
        folder = os.path.realpath(folder)
    return os.path.join(os.path.abspath(folder), name)


def _files(folder: str, recursive: bool) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the files of a folder by name, and the unreadable folders."""
    files: list[str] = []
    unread: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        unread.append((error.filename, f'the folder cannot be read: {error.strerror}.'))

    for place, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        files += [os.path.join(place, name) for name in sorted(names)]
        if not recursive:
            break
    return files, unread
