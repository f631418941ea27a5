"""Find the files of folders, and of patterns, without leaving any out in silence.

Links to folders are followed. Each folder is searched once, under the name without
a link if there is one, so that loops of links end.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

# File endings of the formats that OpenCV decodes.
IMAGE_ENDINGS = tuple(
    '.avif .bmp .dib .exr .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png '
    '.pnm .ppm .pxm .ras .sr .tif .tiff .webp'.split()
)


class FoundFiles(NamedTuple):
    """What was found.

    Attributes:
        files: Files and links to files, hidden ones too, by folder and name.
        folders: Folders below the folder, in the same order; searched only if
            the search was recursive.
        unread: Folders that cannot be read and links that cannot be followed, with
            the reasons.
        repeated: Links to folders that are searched under another name, or that
            hold the link.
    """

    files: list[str]
    folders: list[str]
    unread: list[tuple[str, str]]
    repeated: list[str]


def is_image(path: str) -> bool:
    """Return whether a file has the ending of an image, in upper or lower case."""
    return path.lower().endswith(IMAGE_ENDINGS)


def find_files(folder: str, recursive: bool = True) -> FoundFiles:
    """Find the files of a folder.

    Args:
        folder (str): The folder, or a link to it.
        recursive (bool): Whether to search subfolders. Defaults to True.

    Returns:
        FoundFiles: Their paths begin with ``folder``.
    """
    found = FoundFiles([], [], [], [])
    searched: set[str] = set()
    # Links wait until all folders without a link are searched.
    places, links = [folder], list[str]()
    while places or links:
        place = places.pop() if places else links.pop(0)
        real = os.path.realpath(place)
        if real in searched or (os.path.islink(place) and _holds(real, place)):
            if place != folder:
                found.repeated.append(place)
                continue
        searched.add(real)
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            reason = f'the folder cannot be read: {error.strerror}.'
            found.unread.append((place, reason))
            continue
        for entry in entries:
            path = os.path.join(place, entry.name)
            if _is_folder(entry):
                found.folders.append(path)
                if recursive:
                    (links if entry.is_symlink() else places).append(path)
            elif _is_broken_link(entry):
                target = os.readlink(path)
                reason = f'the link to {target!r} cannot be followed.'
                found.unread.append((path, reason))
            else:
                found.files.append(path)
    for paths in (found.files, found.folders, found.repeated):
        paths.sort(key=_by_folder)
    found.unread.sort()
    return found


def find_matches(pattern: str) -> FoundFiles:
    """Find the files and folders that match a pattern.

    Args:
        pattern (str): A path with ``*``, ``?`` or ``[``; ``**`` stands for any
            number of folders. The longest beginning that exists is no pattern. As
            in a shell, a part that does not begin with a point matches no hidden
            name.

    Returns:
        FoundFiles: The files, and the folders, which are not searched.
    """
    first, *others = pattern.split(os.sep)
    parts = [first, *filter(None, others)]
    start = 0
    while start < len(parts) - 1:
        if not os.path.lexists(os.sep.join(parts[: start + 1]) or os.sep):
            break
        start += 1
    root = os.sep.join(parts[:start]) or (os.sep if start else '')
    rest = parts[start:]
    if '**' not in rest:
        fixed = os.path.join(glob.escape(root), *rest)
        paths = sorted(glob.glob(fixed))
        folders = [path for path in paths if os.path.isdir(path)]
        files = [path for path in paths if not os.path.isdir(path)]
        return FoundFiles(files, folders, [], [])
    below = find_files(root or os.curdir)

    def fits(path: str) -> bool:
        names = os.path.relpath(path, root or os.curdir).split(os.sep)
        return _matches(names, rest)

    def named(path: str) -> str:
        return path if root else path.removeprefix(os.path.join(os.curdir, ''))

    return FoundFiles(
        [named(path) for path in below.files if fits(path)],
        [named(path) for path in below.folders if fits(path)],
        below.unread,
        below.repeated,
    )


def _is_folder(entry: os.DirEntry) -> bool:
    """Return whether an entry is a folder or a link to a folder."""
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _is_broken_link(entry: os.DirEntry) -> bool:
    """Return whether an entry is a link that cannot be followed.

    Hidden ones are not meant for users: editors lock files by links to no file.
    """
    hidden = entry.name.startswith('.')
    return not hidden and entry.is_symlink() and not os.path.exists(entry.path)


def _holds(folder: str, path: str) -> bool:
    """Return whether a folder holds a path, by their real places."""
    inside = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    return os.path.commonpath((folder, inside)) == folder


def _by_folder(path: str) -> tuple[list[str], str]:
    """Return the key for the order: the files of a folder, then its subfolders."""
    folder, name = os.path.split(path)
    return folder.split(os.sep), name


def _matches(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether the names of a path match the parts of a pattern."""
    if not pattern:
        return not names
    if pattern[0] == '**' and _matches(names, pattern[1:]):
        return True
    if not names or (names[0].startswith('.') and not pattern[0].startswith('.')):
        return False
    if pattern[0] == '**':
        return _matches(names[1:], pattern)
    return fnmatchcase(names[0], pattern[0]) and _matches(names[1:], pattern[1:])
