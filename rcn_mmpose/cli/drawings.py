"""Drawings of ``rcn-mmpose predict --draw``: their files, and how they are drawn.

Only ``--draw`` imports this module.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2

from ..io.image_files import write_image

if TYPE_CHECKING:
    from ..io.output import Result

KEPT_ENDINGS = ('.jpg', '.jpeg', '.png')  # drawings of other images are PNG


class Drawings:
    """Draw the keypoints of images into the files of a folder.

    Args:
        folder (str): Folder for the drawings. It gets the same subfolders as
            the common folder of all images.
        paths (Sequence[str]): The images.
        **style (Any): Options of ``Result.draw``.

    Attributes:
        files: The file of the drawing, by the path of the image.

    Raises:
        ValueError: If a drawing would replace an image or another drawing.
    """

    def __init__(self, folder: str, paths: Sequence[str], **style: Any) -> None:
        self.folder = folder
        self.style = style
        self.files = drawn_files(paths, folder)
        _check_files(self.files, folder)

    def draw(self, result: Result) -> None:
        """Draw the faces of one image and write the drawing atomically.

        Args:
            result (Result): Result of one image.

        Raises:
            OSError: If the drawing cannot be written.
            ValueError: If the image cannot be read or the drawing cannot be
                encoded.
        """
        path = result.images[0].name
        target = self.files[path]
        try:
            drawn = result.draw(**self.style)
        except cv2.error as error:
            raise ValueError(f'{error}') from error
        write_image(target, drawn)


def drawn_files(paths: Sequence[str], folder: str) -> dict[str, str]:
    """Return the file of the drawing of each image.

    Args:
        paths (Sequence[str]): The images.
        folder (str): Folder for the drawings.

    Returns:
        dict[str, str]: The file of the drawing, by the path of the image.
    """
    absolute = [os.path.abspath(path) for path in paths]
    common = os.path.commonpath(map(os.path.dirname, absolute)) if absolute else ''
    files = {}
    for path, place in zip(paths, absolute, strict=True):
        target = os.path.join(folder, os.path.relpath(place, common))
        # 1.tif becomes 1.tif.png, because 1.jpg is another image.
        files[path] = target + ('' if target.lower().endswith(KEPT_ENDINGS) else '.png')
    return files


def _check_files(files: Mapping[str, str], folder: str) -> None:
    """Check that no drawing replaces an image or another drawing."""
    images = {os.path.realpath(path): path for path in files}
    taken: dict[str, str] = {}
    for path, file in files.items():
        place = os.path.realpath(file)
        if place in images:
            raise ValueError(
                f'--draw {folder!r}: the drawing of {path!r} would '
                f'replace the image {images[place]!r}; give a folder that '
                'contains none of the images.'
            )
        first = taken.setdefault(place, path)
        if first != path:
            raise ValueError(
                f'--draw {folder!r}: the drawings of {first!r} and {path!r} would '
                f'both be {file!r}; draw them in two calls, into two folders.'
            )
