"""Drawings of a result: the image, its file, and the picture in a notebook.

Only :class:`~rcn_mmpose.io.result_views.ResultViews` imports this module.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..geometry.keypoints import known_lines
from ..image.contact_sheet import captioned, contact_sheet
from ..image.drawing import colour_copy, draw_keypoints
from ..image.reading import read_image
from .atomic import write_whole
from .output import ENDINGS, PredictionFile

if TYPE_CHECKING:
    from .output import Result

# Smallest and largest longer side of a picture in a notebook, and of one of
# several, in pixels.
ALONE, TILE = (480, 960), (320, 320)
MOST_TILES = 12


def draw(
    result: Result, image: Any = None, scale: float = 1.0, **style: Any
) -> np.ndarray:
    """Draw the faces of one image, see ``Result.draw``.

    Args:
        result (Result): Faces of one image.
        image: The image, if the result does not find it.
        scale (float): Size of the drawing in sizes of the image. Defaults to 1.
        **style (Any): ``ellipses``, ``lines``, ``box``, ``radius``, ``numbers``
            and ``legend``.
    """
    pixels = _pixels(result, image)
    if scale != 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, size, interpolation=way)

    def place(points: np.ndarray) -> np.ndarray:  # pixel centres are whole numbers
        return (points + 0.5) * scale - 0.5

    ellipses = style.pop('ellipses', False)
    lines = result.lines or known_lines(result.names)
    return draw_keypoints(
        pixels,
        place(result.keypoints),
        result.confidence,
        place(result.boxes),
        result.covariance * scale**2 if ellipses else None,
        lines=lines if style.pop('lines', True) else (),
        numbers=range(len(result)) if style.pop('numbers', False) else None,
        **style,
    )


def _pixels(result: Result, image: Any) -> np.ndarray:
    """Find the image of a result, uint8 BGR."""
    if len(result.images) != 1:
        raise ValueError(
            f'{len(result.images)} images; draw one of them, such as '
            'result.of(0).draw() for the first, or result[0].draw() for a face.'
        )
    (source,) = result.images
    if image is None:
        image = source.name or (source.lent and source.lent.find())
    if image is None:
        raise ValueError(
            'the image was an array or a PIL.Image that no longer exists, and a '
            'result does not keep it; give draw(image).'
        )
    pixels = read_image(image)
    size = pixels.shape[1::-1]
    if size != tuple(source.size) and tuple(source.size) != (0, 0):
        raise ValueError(
            f'an image of {size[0]}x{size[1]} pixels; the keypoints belong to an '
            f'image of {source.size[0]}x{source.size[1]}. Give the predicted image.'
        )
    return colour_copy(pixels)


def save(result: Result, path: str, image: Any = None, **style: Any) -> None:
    """Write the faces or their drawing, see ``Result.save``."""
    inputs = {os.path.realpath(source.name) for source in result.images if source.name}
    if os.path.realpath(path) in inputs:
        raise ValueError(f'{path!r} is a predicted image; give another file.')
    ending = os.path.splitext(path)[1]
    if ending.lower() in ENDINGS:
        with PredictionFile(path, result.names) as file:
            file.add(result)
        return
    if not ending or not cv2.haveImageWriter(f'x{ending}'):
        raise ValueError(
            f'{path!r}: give a file that ends in .json or .csv for the keypoints, or '
            'in .png, .jpg or another image format for a drawing.'
        )
    drawn = draw(result, image, **style)
    write_whole(path, cv2.imencode(ending, drawn)[1].tobytes())


def notebook_png(result: Result) -> bytes | None:
    """Return a picture of the first images as PNG, or None if none can be read."""
    count = min(len(result.images), MOST_TILES)
    tiles = []
    for i in range(count):
        part = result.of(i)
        try:
            tiles.append(_picture(part, ALONE if len(result.images) == 1 else TILE))
        except (OSError, ValueError, TypeError, cv2.error):
            continue
    if not tiles:
        return None
    picture = contact_sheet(tiles)
    text = repr(result)[len('Result(') : -1]
    if len(tiles) < len(result.images):
        text += f'; {len(tiles)} of the images are shown'
    return cv2.imencode('.png', captioned(picture, [text]))[1].tobytes()


def _picture(result: Result, sides: tuple[int, int]) -> np.ndarray:
    """Draw one image in the size of a screen; several become squares."""
    longer = max(result.images[0].size)
    low, high = sides
    scale = min(max(1.0, low / max(longer, 1)), high / max(longer, 1))
    drawn = draw(result, scale=scale, legend=sides == ALONE)
    if sides == ALONE:
        return drawn
    square = np.full((high, high, 3), 255, np.uint8)
    height, width = drawn.shape[:2]
    top, left = (high - height) // 2, (high - width) // 2
    square[top : top + height, left : left + width] = drawn
    name = os.path.basename(result.images[0].name) or 'array'
    return captioned(square, [name])
