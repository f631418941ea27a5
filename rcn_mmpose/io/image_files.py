"""Write images and figures atomically: an earlier file stays if the writing fails."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..environment.missing import named_cure
from .atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_image(path: str, image: np.ndarray) -> None:
    """Write an image.

    Args:
        path (str): The file; its folder is made if needed. The ending chooses the
            format.
        image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If OpenCV does not know the ending or cannot encode the image.
    """
    with named_cure():  # a figure needs no OpenCV
        import cv2

    ending = os.path.splitext(path)[1]
    if not ending or not cv2.haveImageWriter(f'x{ending}'):
        raise ValueError(
            f'{path!r} cannot be written; give a file such as .png or .jpg.'
        )
    try:
        content = cv2.imencode(ending, image)[1]
    except cv2.error as error:
        raise ValueError(f'{path!r} cannot be written: {error}') from error
    write_whole(path, content.tobytes())


def write_figure(path: str, figure: Figure, **options: Any) -> None:
    """Write a figure of matplotlib.

    Args:
        path (str): The file; its folder is made if needed. The ending chooses the
            format; without one it is PNG.
        figure (Figure): The figure.
        **options (Any): Further arguments of ``Figure.savefig``.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If matplotlib does not know the ending.
    """
    content = io.BytesIO()
    kind = os.path.splitext(path)[1].lstrip('.') or 'png'
    figure.savefig(content, format=kind, **options)
    write_whole(path, content.getvalue())
