"""The images in folders and behind patterns, and what is left out.

Only a folder, a pattern, or a name without a file needs this module.
"""

from __future__ import annotations

import glob
import os
from collections import Counter

from ..io.folders import find_files, find_matches, is_image
from ..io.image_names import names_on_disk
from . import counted

NAMED = 5  # endings that a note names
SUBFOLDER, REPEATED = 'subfolder/', 'link/'  # no ending holds a slash
NO_IMAGE = 'the folder holds no image.'
NO_IMAGE_AT_TOP = (
    'the folder itself holds no image; --recursive also searches its subfolders.'
)
NO_MATCH = 'the pattern matches no file.'


class ImageSearch:
    """Search folders and patterns.

    Args:
        recursive (bool): Whether to search subfolders.

    Attributes:
        failures: Names without an image, and what cannot be read, with the
            reasons.
        left_out: Number of files that are no image, by ending; of subfolders
            that were not searched; and of links to folders that were searched.
    """

    def __init__(self, recursive: bool) -> None:
        self.recursive = recursive
        self.failures: list[tuple[str, str]] = []
        self.left_out: Counter[str] = Counter()

    def search(self, name: str) -> list[str]:
        """Return the paths of the images that a name stands for.

        Args:
            name (str): A folder; a pattern; or any other name, which stands for
                itself, or for the only file with this name in another spelling.
        """
        if os.path.isdir(name):
            return self._in_folder(name)
        if not glob.has_magic(name):
            return [_spelling(name)]
        found = find_matches(name)
        self.failures += found.unread
        self.left_out[REPEATED] += len(found.repeated)
        paths = list(found.files)
        for folder in found.folders:
            paths += self._in_folder(folder)
        if not (found.files or found.folders or found.unread):
            self.failures.append((name, NO_MATCH))
        return paths

    def _in_folder(self, folder: str) -> list[str]:
        """Return the images of a folder."""
        found = find_files(folder, self.recursive)
        images = [path for path in found.files if is_image(path)]
        self.failures += found.unread
        self.left_out[REPEATED] += len(found.repeated)
        self.left_out.update(_kind(path) for path in found.files if not is_image(path))
        if not self.recursive:
            self.left_out[SUBFOLDER] += len(found.folders)
        if not images and not found.unread:
            below = found.folders and not self.recursive
            self.failures.append((folder, NO_IMAGE_AT_TOP if below else NO_IMAGE))
        return images

    def notes(self) -> list[str]:
        """Return what was left out, a line for each kind."""
        files = Counter(self.left_out)
        subfolders, repeated = files.pop(SUBFOLDER, 0), files.pop(REPEATED, 0)
        lines = []
        if files:
            kinds = [f'{kind} {count}' for kind, count in files.most_common(NAMED)]
            more = len(files) - len(kinds)
            lines.append(
                f'{counted(files.total(), "file")} in the folders ignored: no ending '
                f'of an image ({", ".join(kinds)}{", and others" if more else ""})'
            )
        if subfolders:
            lines.append(
                f'{counted(subfolders, "subfolder")} not searched; --recursive '
                'searches subfolders'
            )
        if repeated:
            lines.append(
                f'{counted(repeated, "link")} to a folder that is searched already'
            )
        return lines


def _spelling(name: str) -> str:
    """Return the name of a file in the spelling of the disk, if it is there."""
    root = os.sep if os.path.isabs(name) else os.curdir
    relative = name.lstrip(os.sep)
    found = names_on_disk(root, [relative]).get(relative)
    return name if found is None else os.path.join(root * os.path.isabs(name), found)


def _kind(path: str) -> str:
    """Return the ending of a file, in lower case."""
    name = os.path.basename(path)
    if name.startswith('.'):
        return 'hidden'
    return os.path.splitext(name)[1].lower() or 'without ending'
