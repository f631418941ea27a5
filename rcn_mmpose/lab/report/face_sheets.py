"""Contact sheets of the worst faces and of random faces of a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from ...evaluation.faces import FaceResult
from ...image.contact_sheet import captioned, contact_sheet, draw_face
from ...image.reading import read_image
from ...io.image_files import write_image

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
    quantity: str = 'error of the face',
) -> list[str]:
    """Draw ``worst.png`` and ``random.png``.

    A legend explains the marks. Each tile has the name of the image, and the id
    and the error of the face.

    Args:
        folder (str): Output folder.
        faces (Sequence[FaceResult]): N tested faces.
        errors (np.ndarray): Errors of the faces, in percent, (N,).
        count (int): Faces per sheet.
        seed (int): Seed of the random faces.
        hidden (Callable): Takes the index of a face and returns whether each
            true keypoint is hidden, (K,).
        quantity (str): Name of the errors.

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
        flags = {i: hidden(i) for i in rows.tolist()}
        tiles = [named_tile(faces[i], errors[i], flag) for i, flag in flags.items()]
        written.append(os.path.join(folder, name))
        some = any(np.any(flag) for flag in flags.values())
        write_image(written[-1], sheet_of(tiles, quantity, some))
    return written


def named_tile(
    face: FaceResult, error: float, hidden: np.ndarray | None = None
) -> np.ndarray:
    """Draw a face with its image, its id and its error.

    Args:
        face (FaceResult): A tested face; keypoints without a label are not drawn.
        error (float): In percent.
        hidden (np.ndarray, optional): Whether each true keypoint is hidden, (K,).

    Returns:
        np.ndarray: uint8 BGR; all tiles have the same shape.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If the image cannot be read.
    """
    reach = 0.6 * face.scale.max()
    tile = draw_face(
        read_image(face.img_path),
        np.where(face.visible[:, None], face.truth, np.nan),
        face.pred,
        hidden=hidden,
        view=np.concatenate((face.centre - reach, face.centre + reach)),
        side=SIDE,
    )
    name = os.path.basename(face.img_path)
    return captioned(tile, (name, f'id {face.id}: {error:.2f} %'))


def sheet_of(tiles: Sequence[np.ndarray], errors: str, hidden: bool) -> np.ndarray:
    """Arrange tiles of :func:`named_tile` below a legend.

    Args:
        tiles (Sequence[np.ndarray]): At least one.
        errors (str): Name of the errors.
        hidden (bool): Whether a true keypoint is hidden.
    """
    marks = ['truth', *(['hidden'] if hidden else []), 'prediction']
    return contact_sheet(tiles, marks=marks, note=f'% = {errors}')
