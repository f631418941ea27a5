"""Faces that the user draws: boxes of the training, and the detector beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..detect.detections import Detections, as_detections
from ..detect.haar import CALIBRATED
from ..geometry.boxes import box_from_detection, box_from_extent, overlap

if TYPE_CHECKING:
    from ..inference import Predictor

# A given box replaces the detected boxes that share so much of their union with it.
SAME_FACE = 0.3


def training_boxes(faces: np.ndarray, predictor: Predictor) -> np.ndarray:
    """Turn boxes around faces into boxes like those of the training.

    The tight box of a face gives a square as in the training on 300W, and thereby
    the box of the detector, whose relation to the training boxes of the model is
    known. Without this, crops would be too tight and errors larger.

    Args:
        faces (np.ndarray): From the eyebrows to the chin and from ear to ear,
            (x1, y1, x2, y2) in pixels, with an area, (N, 4).
        predictor (Predictor): With a detector.

    Returns:
        np.ndarray: Boxes for the predictor, (N, 4).
    """
    detector = predictor.detector
    known: Any = getattr(detector, 'extent', CALIBRATED['extent'])
    wanted = getattr(detector, 'correction', None) or known
    boxes = []
    for face in faces:
        square = box_from_extent(face.reshape(2, 2))
        side = (square[2] - square[0]) / known['scale']
        centre = (square[:2] + square[2:]) / 2 - (0, known['shift'] * side)
        detected = np.concatenate((centre - side / 2, centre + side / 2))
        boxes.append(box_from_detection(detected, **wanted))
    return np.reshape(boxes, (-1, 4))


def with_boxes(predictor: Predictor, boxes: np.ndarray) -> Predictor:
    """Return a predictor whose detector also returns given boxes, at the end.

    Args:
        predictor (Predictor): With a detector.
        boxes (np.ndarray): (x1, y1, x2, y2), with an area, (N, 4). Each replaces the
            detected boxes of the same face.
    """
    served: Any = predictor

    def find(image: np.ndarray) -> Detections:
        found = as_detections(served.detector(image))
        for box in boxes:
            found = found[overlap(box, found.boxes) < SAME_FACE]
        count = len(boxes)
        return Detections(
            np.concatenate((found.boxes, boxes)),
            np.concatenate((found.scores, np.full(count, np.nan))),
            None,
            np.concatenate((found.roll, np.zeros(count))),
        )

    return predictor.with_detector(find, predictor.info.box_rule)
