"""Match the names of images in a file with images, in any spelling.

A file may come from another system: with back-slashes and drive letters, with
letters such as é as one or as two characters (Unicode's composed and decomposed
forms), with the ending in upper case.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

# The root of a name of Windows, after its back-slashes became slashes.
WINDOWS_ROOT = re.compile(r'[A-Za-z]:/*|//(?=[^/])')


def plain_name(name: str) -> str:
    """Return the same text for all spellings of a path.

    Args:
        name (str): A path of any system.

    Returns:
        str: With slashes, composed letters, no ``.`` part, and the ending in
        lower case. Roots and drive letters stay.
    """
    name = unicodedata.normalize('NFC', name).replace('\\', '/')
    stem, ending = posixpath.splitext(posixpath.normpath(name))
    return stem + ending.lower()


def match_spellings(names: Iterable[str], paths: Sequence[str]) -> dict[str, list[str]]:
    """Find the names in a file that mean an image.

    A name matches a path that is equal or ends with it, by whole folders:
    ``a/1.jpg`` matches ``images/a/1.jpg``. The longest matching name is taken,
    in all of its spellings. Names with a drive letter match without the drive
    and without the folder that all of them share.

    Args:
        names (Iterable[str]): The names in the file.
        paths (Sequence[str]): The images.

    Returns:
        dict[str, list[str]]: Names by path, without the paths that match no
        name.

    Raises:
        ValueError: If a name matches several paths.
    """
    known = _names_by_end(dict.fromkeys(names))
    given = set(paths)
    matched: dict[str, list[str]] = {}
    for path in paths:
        parts = plain_name(os.path.abspath(path)).split('/')
        ends = ('/'.join(parts[i:]) for i in range(len(parts)))
        whole = plain_name(path)  # may start with ..
        end = next((e for e in (whole, *ends) if e in known), None)
        # A name that is another image, letter by letter, means that image.
        found = [n for n in known.get(end or '', ()) if n == path or n not in given]
        if found:
            matched[path] = found
    taken: dict[str, str] = {}
    for path, found in matched.items():
        for name in found:
            first = taken.setdefault(name, path)
            if first != path:
                raise ValueError(
                    f'{name!r} matches {first!r} and {path!r}; write more of their '
                    'folders into the file.'
                )
    return matched


def match_names(names: Iterable[str], paths: Sequence[str]) -> dict[str, str]:
    """Return the first name of each path, as :func:`match_spellings` finds it."""
    return {path: found[0] for path, found in match_spellings(names, paths).items()}


def _names_by_end(names: Iterable[str]) -> dict[str, list[str]]:
    """Collect the names by the ends of paths that they match."""
    known: dict[str, list[str]] = defaultdict(list)
    of_windows: list[tuple[str, list[str]]] = []
    for name in names:
        plain = plain_name(name)
        known[plain].append(name)
        if WINDOWS_ROOT.match(plain):
            of_windows.append((name, plain.split('/')))
        if plain != plain.encode('utf-8', 'replace').decode():
            # Bytes that are not UTF-8: a spreadsheet's table in Windows' encoding.
            content = name.encode('utf-8', 'surrogateescape')
            known[plain_name(content.decode('cp1252', 'replace'))].append(name)
    if of_windows:
        folders = [parts[:-1] for _, parts in of_windows]
        shared = len(os.path.commonprefix(folders))
        for name, parts in of_windows:
            for start in range(1, shared + 1):
                known['/'.join(parts[start:])].append(name)
    return known


def names_on_disk(folder: str, names: Iterable[str]) -> dict[str, str]:
    """Find files whose names a list spells in another way.

    Args:
        folder (str): Folder of the images.
        names (Iterable[str]): Names in the list, relative to the folder.

    Returns:
        dict[str, str]: The name on the disk by the name in the list, for the
        names that differ. A name without a file, or with several, is not in
        it.
    """

    @cache
    def listed(place: str) -> dict[str, list[str]]:
        """Return the entries of a folder by their plain name."""
        found: dict[str, list[str]] = defaultdict(list)
        try:
            for entry in os.listdir(place):
                found[plain_name(entry)].append(entry)
        except OSError:  # no such folder
            pass
        return found

    @cache
    def entries(place: str) -> set[str]:
        """Return the entries of a folder."""
        return {entry for found in listed(place).values() for entry in found}

    def spelt(parts: Sequence[str]) -> str:
        """Return the parts as the disk spells them; empty if there is no file."""
        place = folder
        for part in parts:
            found = listed(place).get(plain_name(part), [])
            if part in found:
                found = [part]
            if len(found) != 1:
                return ''
            place = os.path.join(place, found[0])
        return os.path.relpath(place, folder)

    other = {}
    for name in dict.fromkeys(names):
        place, end = os.path.split(name)
        if end in entries(os.path.join(folder, place)):
            continue
        parts = posixpath.normpath(name.replace('\\', '/')).split('/')
        last = len(parts) if WINDOWS_ROOT.match(plain_name(name)) else 1
        found = (spelt(parts[start:]) for start in range(last))
        real = next((path for path in found if path), '')
        if real:
            other[name] = real
    return other
