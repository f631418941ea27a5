"""Contact sheets: many faces with their keypoints in one image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from .drawing import SHIFT, colour_copy, draw_box, draw_dot, sixteenths

TRUTH = (0, 255, 0)  # BGR
PREDICTION = (0, 0, 255)
HIDDEN = (0, 165, 255)
BOX = (255, 255, 0)
ERROR = (0, 255, 255)


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

    True keypoints are green (hidden ones orange) and predictions are red. A
    yellow line joins the two. The box is cyan.

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
    radius = max(1.0, side / (100 if count <= 10 else 160))
    if keypoints is not None and predictions is not None:
        for true, pred in zip(keypoints, predictions, strict=True):
            ends = sixteenths(in_tile(true)), sixteenths(in_tile(pred))
            cv2.line(tile, *ends, ERROR, 1, cv2.LINE_AA, SHIFT)
    for i, point in enumerate(() if keypoints is None else keypoints):
        covered = hidden is not None and hidden[i]
        draw_dot(tile, in_tile(point), HIDDEN if covered else TRUTH, radius)
    for point in () if predictions is None else predictions:
        draw_dot(tile, in_tile(point), PREDICTION, radius)
    return tile


def contact_sheet(
    tiles: Sequence[np.ndarray], columns: int | None = None, gap: int = 2
) -> np.ndarray:
    """Arrange tiles of equal size in rows.

    Args:
        tiles (Sequence[np.ndarray]): uint8 tiles of one shape (h, w, 3).
        columns (int, optional): Defaults to an aspect ratio of about 3:2.
        gap (int): Pixels between tiles.

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
    return sheet
