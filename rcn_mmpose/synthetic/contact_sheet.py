"""Many faces in one picture, to look at."""

from collections.abc import Iterable

import cv2
import numpy as np

from .render import SyntheticFace


def draw_keypoints(
    picture: np.ndarray,
    keypoints: np.ndarray,
    visible: np.ndarray | None = None,
    zoom: int = 1,
) -> np.ndarray:
    """Draw keypoints, the visible ones green, the hidden ones red.

    Args:
        picture (np.ndarray): BGR, (H, W, 3), uint8.
        keypoints (np.ndarray): (K, 2), pixels.
        visible (np.ndarray, optional): (K,), bool.
        zoom (int): Whole factor by which the result is larger.

    Returns:
        np.ndarray: BGR, (zoom * H, zoom * W, 3), uint8.
    """
    out = cv2.resize(picture, None, fx=zoom, fy=zoom)
    if visible is None:
        visible = np.ones(len(keypoints), bool)
    # resizing keeps areas: the centre of pixel 0 goes to (zoom - 1) / 2
    places = (np.asarray(keypoints) + 0.5) * zoom - 0.5
    for place, seen in zip(
        np.round(places).astype(int).tolist(), visible, strict=True
    ):
        colour = (0, 255, 0) if seen else (60, 60, 255)
        cv2.circle(out, tuple(place), zoom - 1, colour, -1)
    return out


def make_sheet(
    faces: Iterable[SyntheticFace],
    columns: int = 8,
    points: int = 68,
    zoom: int = 1,
) -> np.ndarray:
    """Put faces with their keypoints side by side.

    Args:
        faces (Iterable[SyntheticFace]): At least one, of one size.
        columns (int): Faces in a row.
        points (int): 68, 5 or 0.
        zoom (int): Whole factor.

    Returns:
        np.ndarray: BGR, uint8.
    """
    tiles = []
    for face in faces:
        chosen = {
            68: (face.keypoints, face.visible),
            5: (face.five, face.five_visible),
            0: (np.zeros((0, 2)), np.zeros(0, bool)),
        }[points]
        tiles.append(draw_keypoints(face.picture, *chosen, zoom))
    blank = np.zeros_like(tiles[0])
    while len(tiles) % columns:
        tiles.append(blank)
    rows = [
        np.hstack(tiles[i : i + columns])
        for i in range(0, len(tiles), columns)
    ]
    return np.vstack(rows)
