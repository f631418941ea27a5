"""Contact sheets: many faces with their keypoints in one image.

True and predicted keypoints differ in colour, in brightness and in shape, so that
they can be told apart with every kind of colour vision, and in grey.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from .colours import bgr
from .drawing import (
    EDGE,
    FEW,
    SHIFT,
    colour_copy,
    draw_box,
    drawable,
    sixteenths,
    text_width,
    write,
)

TRUTH = bgr('sky_blue')
PREDICTION = bgr('yellow')
BOX = (255, 255, 255)
ERROR = (255, 255, 255)
RIMMED = 2  # least radius of a dot with a rim, in pixels
PAPER, INK = (40, 40, 40), (255, 255, 255)  # of captions and legends
LETTER = 9  # height of a capital letter there, in pixels
LEGEND = dict(
    truth='true keypoint',
    hidden='true keypoint that is hidden',
    prediction='predicted keypoint',
    box='box',
)


def draw_face(
    image: np.ndarray,
    keypoints: np.ndarray | None = None,
    predictions: np.ndarray | None = None,
    hidden: np.ndarray | None = None,
    box: np.ndarray | None = None,
    view: np.ndarray | None = None,
    side: int = 160,
) -> np.ndarray:
    """Draw one face as a square tile.

    True keypoints are blue dots (hidden ones blue rings) and predictions are
    yellow crosses. A white line joins the two. The box is white. Positions that
    are not finite are not drawn.

    Args:
        image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
        keypoints (np.ndarray, optional): True (x, y), (K, 2).
        predictions (np.ndarray, optional): Predicted (x, y), (K, 2).
        hidden (np.ndarray, optional): Which true keypoints are hidden, (K,).
        box (np.ndarray, optional): (x1, y1, x2, y2).
        view (np.ndarray, optional): The part of the image to show,
            (x1, y1, x2, y2), a square. Defaults to the whole image.
        side (int): Side of the tile in pixels.

    Returns:
        np.ndarray: uint8 of shape (side, side, 3), BGR.
    """
    height, width = image.shape[:2]
    if view is None:
        longer = max(height, width)
        view = np.array([0, 0, longer, longer]) - 0.5
    zoom = side / (view[2] - view[0])
    corner = np.asarray(view[:2], dtype=np.float64)
    matrix = np.array([(zoom, 0, 0), (0, zoom, 0)], dtype=np.float64)
    # The edge of the view maps to the edge of the tile, which is half a pixel
    # outside the centre of its first pixel.
    matrix[:, 2] = -corner * zoom - 0.5
    way = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    tile = colour_copy(cv2.warpAffine(image, matrix, (side, side), flags=way))

    def in_tile(point: np.ndarray) -> np.ndarray:
        return matrix[:, :2] @ point + matrix[:, 2]

    if box is not None:
        corners = np.concatenate((in_tile(box[:2]), in_tile(box[2:])))
        draw_box(tile, corners, BOX)
    count = max(len(x) for x in (keypoints, predictions, ()) if x is not None)
    radius = max(1.3, side / (70 if count <= FEW else 130))
    true = [] if keypoints is None else [in_tile(point) for point in keypoints]
    found = [] if predictions is None else [in_tile(point) for point in predictions]
    if true and found:
        for start, end in zip(true, found, strict=True):
            if drawable(start) and drawable(end):
                ends = sixteenths(start), sixteenths(end)
                cv2.line(tile, *ends, ERROR, 1, cv2.LINE_AA, SHIFT)
    for i, place in enumerate(true):
        if drawable(place):
            _dot(tile, place, radius, hidden is not None and bool(hidden[i]))
    for place in found:
        if drawable(place):
            _cross(tile, place, radius)
    return tile


def _dot(image: np.ndarray, place: np.ndarray, radius: float, hollow: bool) -> None:
    """Draw a true keypoint: a dot, or a ring."""
    centre, reach = sixteenths(place), round(radius * 2**SHIFT)
    if hollow:
        for rim, color in ((2, EDGE), (1, TRUTH)):
            outer = reach + rim * 2**SHIFT
            cv2.circle(image, centre, outer, color, 1, cv2.LINE_AA, SHIFT)
        return
    if radius >= RIMMED:
        cv2.circle(image, centre, reach + 2**SHIFT, EDGE, -1, cv2.LINE_AA, SHIFT)
    cv2.circle(image, centre, reach, TRUTH, -1, cv2.LINE_AA, SHIFT)


def _cross(image: np.ndarray, place: np.ndarray, radius: float) -> None:
    """Draw a predicted keypoint: a diagonal cross."""
    reach = 1.4 * radius
    arms = [np.array((reach, reach)), np.array((reach, -reach))]
    for arm in arms:
        start, end = sixteenths(place - arm), sixteenths(place + arm)
        cv2.line(image, start, end, PREDICTION, 1, cv2.LINE_AA, SHIFT)


def captioned(tile: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """Add lines of text below a tile.

    Args:
        tile (np.ndarray): uint8 (h, w, 3), BGR.
        lines (Sequence[str]): A line that is too long loses its middle.

    Returns:
        np.ndarray: uint8 of shape (h + r, w, 3); r depends on the number of
        lines alone.
    """
    width, step = tile.shape[1], 2 * LETTER
    strip = np.full((step * len(lines) + LETTER // 2, width, 3), PAPER, np.uint8)
    for i, line in enumerate(lines):
        text = fitting(line, width - 8)
        write(strip, text, (4, step * (i + 1) - LETTER // 2), LETTER, INK)
    return np.concatenate((tile, strip))


def fitting(text: str, width: float) -> str:
    """Cut the middle out of a text that is wider than ``width`` pixels."""
    kept, short = len(text), text
    while kept > 2 and text_width(short, LETTER) > width:
        kept -= 1
        short = f'{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}'
    return short


def legend(marks: Sequence[str], width: int, note: str = '') -> np.ndarray:
    """Draw a strip that explains the marks of :func:`draw_face`.

    Args:
        marks (Sequence[str]): Keys of ``LEGEND``.
        width (int): Of the strip in pixels. Entries that do not fit into a row
            go to the next one.
        note (str): Further text, such as the unit of the errors.

    Returns:
        np.ndarray: uint8 (h, width, 3), BGR.
    """
    step, row, x = 3 * LETTER, 0, LETTER
    places = []
    texts = {mark: LEGEND[mark] for mark in marks} | ({note: note} if note else {})
    for mark, text in texts.items():
        long = 3 * LETTER + text_width(text, LETTER)
        if x + long > width and x > LETTER:
            row, x = row + 1, LETTER
        places.append((mark, x, row * step + step // 2))
        x += long + 2 * LETTER
    strip = np.full(((row + 1) * step, width, 3), PAPER, np.uint8)
    for mark, left, middle in places:
        place = np.array((left + LETTER / 2, middle), float)
        if mark == 'prediction':
            _cross(strip, place, LETTER / 3)
        elif mark == 'box':
            draw_box(strip, np.concatenate((place - 4, place + 4)), BOX)
        elif mark != note:
            _dot(strip, place, LETTER / 3, mark == 'hidden')
        start = left if mark == note else left + 2 * LETTER
        text = fitting(texts[mark], width - start)
        write(strip, text, (start, middle + LETTER // 2), LETTER, INK)
    return strip


def contact_sheet(
    tiles: Sequence[np.ndarray],
    columns: int | None = None,
    gap: int = 2,
    marks: Sequence[str] = (),
    note: str = '',
) -> np.ndarray:
    """Arrange tiles of equal size in rows.

    Args:
        tiles (Sequence[np.ndarray]): uint8 tiles of one shape (h, w, 3).
        columns (int, optional): Defaults to an aspect ratio of about 3:2.
        gap (int): Pixels between tiles.
        marks (Sequence[str]): Marks to explain in a strip above the tiles, see
            :func:`legend`. Defaults to none.
        note (str): Further text in this strip.

    Returns:
        np.ndarray: uint8, BGR.

    Raises:
        ValueError: If there are no tiles.
    """
    if not len(tiles):
        raise ValueError('a contact sheet needs at least one face.')
    columns = columns or math.ceil(math.sqrt(len(tiles) * 1.5))
    columns = min(columns, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    height, width = tiles[0].shape[:2]
    sheet = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3),
        255,
        np.uint8,
    )
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    if marks or note:
        sheet = np.concatenate((legend(marks, sheet.shape[1], note), sheet))
    return sheet
