"""Contact sheets of the worst faces and of random faces of a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ...evaluation.faces import FaceResult
from ...image.contact_sheet import contact_sheet, draw_face
from ...image.reading import read_image

SIDE = 240  # of a tile, in pixels


def may_hold_faces(folder: str) -> bool:
    """Return whether images of faces may be written to a folder.

    Most datasets of faces must not be published; git ignores work_dirs.
    """
    return 'work_dirs' in os.path.abspath(folder).split(os.sep)


def draw_sheets(
    folder: str,
    faces: Sequence[FaceResult],
    errors: np.ndarray,
    count: int,
    seed: int,
    hidden: Callable[[int], np.ndarray],
) -> list[str]:
    """Draw ``worst.png`` and ``random.png``.

    True keypoints are green, hidden true keypoints are orange, and predicted
    keypoints are red. Each tile has the id and the error of the face.

    Args:
        folder (str): Output folder.
        faces (Sequence[FaceResult]): N tested faces.
        errors (np.ndarray): Errors of the faces, in percent, (N,).
        count (int): Faces per sheet.
        seed (int): Seed of the random faces.
        hidden (Callable): Takes the index of a face and returns whether each
            true keypoint is hidden, (K,).

    Returns:
        list[str]: The files, ``worst.png`` first.
    """
    rng = np.random.default_rng(seed)
    count = min(count, len(faces))
    written = []
    for name, rows in (
        ('worst.png', np.argsort(-errors, kind='stable')[:count]),
        ('random.png', rng.choice(len(faces), count, replace=False)),
    ):
        tiles = [_tile(faces[i], errors[i], hidden(i)) for i in rows.tolist()]
        written.append(os.path.join(folder, name))
        if not cv2.imwrite(written[-1], contact_sheet(tiles)):
            raise OSError(f'{written[-1]!r} cannot be written.')
    return written


def _tile(face: FaceResult, error: float, hidden: np.ndarray) -> np.ndarray:
    """Draw a face with its id and its error."""
    reach = 0.6 * face.scale.max()
    tile = draw_face(
        read_image(face.img_path),
        face.truth,
        face.pred,
        hidden=hidden,
        view=np.concatenate((face.centre - reach, face.centre + reach)),
        side=SIDE,
    )
    for color, thick in ((0, 3), (255, 1)):  # white with a black outline
        cv2.putText(
            tile,
            f'{face.id}: {error:.1f} %',
            (6, SIDE - 8),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.5,
            (color,) * 3,
            thick,
            cv2.LINE_AA,
        )
    return tile
