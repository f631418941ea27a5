"""Upright faces by OpenCV's cascade: offline, without another package."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..geometry.boxes import box_from_detection, training_rule
from ..geometry.overlap import drop_duplicates
from ..image.crop import to_grey

if TYPE_CHECKING:
    from ..inference.predictor import Predictor

CASCADE = 'haarcascade_frontalface_alt2.xml'
# The training boxes of models -> scale and shift from the cascade's box to
# them, see HaarDetector.
CALIBRATED = dict(
    eyes_and_mouth=dict(scale=1.209, shift=0.088),
    extent=dict(scale=1.165, shift=0.154),
)
# The cascade's own window has 20 pixels a side, its images need no more
# than this.
LEAST, LONGEST = 24, 1280


class HaarDetector:
    r"""Finds upright faces, seen from the front, by a Viola-Jones cascade.

    For upright faces alone: of 100 MTFL training faces, with the images
    turned by 10, 15, 20, 25 and 30 degrees, it found 85, 74, 42, 23 and 8
    (``--turn`` of the command below); faces seen from the side or mostly
    covered are missed as well. What is found need not be a face. Boxes may
    leave the image.

    The cascade's squares are narrower than those that the models were trained
    on. Side and downward shift are corrected by the medians over training
    faces, as ``python -m rcn_mmpose.lab.calibration.detector_boxes`` measured them:

    ================== ======================= ======= ===== =====
    ``boxes``          training faces          missed  scale shift
    ================== ======================= ======= ===== =====
    ``eyes_and_mouth`` 300 of MTFL             6       1.209 0.088
    ``extent``         200 of 300W             25      1.165 0.154
    ================== ======================= ======= ===== =====

    ::

        python -m rcn_mmpose.lab.calibration.detector_boxes \
            data/annotations/mtfl_train.json data/mtfl --faces 300
        python -m rcn_mmpose.lab.calibration.detector_boxes \
            data/annotations/300w_train.json data/300w --faces 200

    Args:
        boxes (str): Which boxes to return: ``'eyes_and_mouth'`` or
            ``'extent'``, as :mod:`rcn_mmpose.geometry.boxes` names them, or
            ``'cascade'`` for the cascade's own. Defaults to
            ``'eyes_and_mouth'``, which suits models of five keypoints.
        smallest (float): Side of the smallest face to look for, as a part of
            the image's shorter side, above 0 and below 1. Below 24 pixels
            none is found. Defaults to 0.05.
        neighbours (int): How many detections that overlap make a face; more
            find fewer faces and fewer that are none. Defaults to 4.

    Raises:
        ImportError: If OpenCV comes without cascades, as from version 5 on.
        ValueError: If an argument is not one of the above.
    """

    def __init__(
        self,
        boxes: str = 'eyes_and_mouth',
        smallest: float = 0.05,
        neighbours: int = 4,
    ) -> None:
        if boxes not in (*CALIBRATED, 'cascade'):
            raise ValueError(
                f'boxes={boxes!r}; choose one of {(*CALIBRATED, "cascade")}.'
            )
        if not 0 < smallest < 1:
            raise ValueError(
                f"smallest={smallest}; give a part of the image's shorter "
                'side, above 0 and below 1.'
            )
        if neighbours < 1:
            raise ValueError(f'neighbours={neighbours}; give 1 or more.')
        self.correction = CALIBRATED.get(boxes)
        self.smallest = smallest
        self.neighbours = neighbours
        self.cascade = _load_cascade()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Find the faces of an image.

        Args:
            image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR. It is
                looked at with at most 1,280 pixels a side.

        Returns:
            np.ndarray: Boxes (x1, y1, x2, y2) in pixels, the largest first,
            float64 (N, 4).
        """
        grey = to_grey(image)
        size = np.array(grey.shape[::-1])
        shrink = min(1.0, LONGEST / size.max())
        small = np.maximum(np.round(size * shrink), 1).astype(int)
        if small.min() < LEAST:
            return np.zeros((0, 4))
        if shrink < 1:
            grey = cv2.resize(grey, tuple(small.tolist()), interpolation=cv2.INTER_AREA)
        least = max(LEAST, round(self.smallest * float(small.min())))
        found, _, sureness = self.cascade.detectMultiScale3(
            grey,
            scaleFactor=1.1,
            minNeighbors=self.neighbours,
            minSize=(least, least),
            outputRejectLevels=True,
        )
        boxes = np.asarray(found, np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        boxes = drop_duplicates(boxes, np.reshape(sureness, -1))
        # (0, 0) is the middle of the first pixel, its edge lies half outside
        boxes = boxes * np.tile(size / small, 2) - 0.5
        # its threads return them in any order
        boxes = boxes[np.lexsort((*boxes.T[:2], boxes[:, 0] - boxes[:, 2]))]
        if self.correction:
            corrected = [box_from_detection(b, **self.correction) for b in boxes]
            boxes = np.array(corrected).reshape(-1, 4)
        return boxes


def detect_faces_for(predictor: Predictor, **options: float) -> HaarDetector:
    """Give a predictor a detector whose boxes suit its model.

    The detector's boxes are the squares that are cropped, so that the
    predictor's rule for boxes becomes ``'given'``.

    Args:
        predictor (Predictor): From ``load_model``; it is changed.
        **options (float): ``smallest`` and ``neighbours`` of
            :class:`HaarDetector`.

    Returns:
        HaarDetector: The detector.
    """
    boxes = training_rule(len(predictor.info.keypoints))
    detector = HaarDetector(boxes, **options)
    predictor.info = replace(predictor.info, box_rule=dict(rule='given'))
    predictor.detector = detector
    return detector


def _load_cascade() -> cv2.CascadeClassifier:
    """Load the cascade that OpenCV ships."""
    folder = getattr(getattr(cv2, 'data', None), 'haarcascades', '')
    path = os.path.join(folder, CASCADE)
    if hasattr(cv2, 'CascadeClassifier') and os.path.isfile(path):
        cascade = cv2.CascadeClassifier(path)
        if not cascade.empty():
            return cascade
    raise ImportError(
        f'OpenCV {cv2.__version__} has no cascade for faces ({CASCADE}); '
        "install one below version 5: pip install 'opencv-python-headless<5'. "
        "Or give the faces' boxes, or another detector."
    )
