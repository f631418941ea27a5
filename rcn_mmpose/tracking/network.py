"""Run the network of a predictor on turned squares of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..image.crop import Squares, crop_square
from ..inference.second_pass import merge, predict_again
from .one_euro import FilteredFace
from .squares_of_faces import FaceSquare

if TYPE_CHECKING:
    from ..inference import Predictor


def predict_squares(
    predictor: Predictor, frame: np.ndarray, squares: Sequence[FaceSquare]
) -> list[FilteredFace | None]:
    """Predict the keypoints of faces in squares of a frame.

    Args:
        predictor (Predictor): The model.
        frame (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
        squares (Sequence[FaceSquare]): The squares.

    Returns:
        list: The face of each square in pixels of the frame; None for a square
        outside the frame, and for keypoints that are not finite.
    """
    crops, rows = [], []
    for i, square in enumerate(squares):
        try:
            crop = crop_square(
                frame,
                square.centre,
                square.side,
                predictor.info.input_size,
                square.roll,
            )
        except ValueError:  # outside the frame; the frame itself was checked
            continue
        crops.append(crop)
        rows.append(i)
    faces: list[FilteredFace | None] = [None] * len(squares)
    if not rows:
        return faces
    prediction = predictor.predict_crops(np.stack(crops))
    taken = Squares(
        np.array([squares[i].centre for i in rows], float),
        np.array([squares[i].side for i in rows], float),
        np.array([squares[i].roll for i in rows], float),
    )
    prediction = taken.to_image(prediction, predictor.info.input_size[0])
    second = predictor.second_pass
    if second:
        images = [frame] * len(rows)
        again, _ = predict_again(predictor, images, prediction, second)
        prediction = merge(prediction, again) if second.merge else again
    for i, *face in zip(rows, *prediction, strict=True):
        if np.isfinite(face[0]).all():
            faces[i] = FilteredFace(*(np.asarray(part, float) for part in face))
    return faces
