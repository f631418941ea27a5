"""A detector of upright frontal faces with OpenCV's Viola-Jones cascade.

The detector works offline and needs no package except OpenCV.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import cv2
import numpy as np

from ..environment.renamed import warn_renamed
from ..geometry.boxes import (
    box_from_detection,
    check_training_boxes,
    drop_duplicates,
)
from ..geometry.training_boxes import EXTENT, EYES_AND_MOUTH
from ..image.crop import to_grey

CASCADE = 'haarcascade_frontalface_alt2.xml'
# Training boxes of a model -> scale and shift from the cascade's box, see
# HaarDetector.
CALIBRATED = dict(eyes_and_mouth=EYES_AND_MOUTH['haar'], extent=EXTENT['haar'])
SMALLEST = 24  # pixels a side of a face; the cascade's own window has 20
LONGEST = 1280  # pixels a side of the image that is searched


class Model(Protocol):
    """A model, such as a predictor."""

    @property
    def info(self) -> Any:
        """Description of the model, with ``name`` and ``training_boxes``."""


class HaarDetector:
    r"""Find upright frontal faces with a Viola-Jones cascade.

    Of 100 MTFL training faces in images rotated by 10, 15, 20, 25 and 30
    degrees, the detector found 85, 74, 42, 23 and 8 (``--turn`` of the command
    below). The detector also misses profile faces and mostly covered faces.
    Some detections are not faces. Boxes may leave the image.

    The cascade's squares are narrower than the boxes of the training faces.
    Size and downward shift are corrected by the medians over training faces,
    measured by ``python -m rcn_mmpose.lab.calibration.detector_boxes``:

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

    Several threads may call one detector at the same time.

    Args:
        boxes (str | Mapping): Boxes to return: ``'eyes_and_mouth'`` or
            ``'extent'``, as :mod:`rcn_mmpose.geometry.boxes` names them;
            ``'cascade'`` for uncorrected boxes; or ``scale``, ``shift`` and
            ``sideways`` of :func:`~rcn_mmpose.geometry.boxes.box_from_detection`.
            Defaults to ``'eyes_and_mouth'``, which suits models of MTFL's five
            keypoints.
        smallest (float): Side of the smallest face, as a fraction of the
            image's shorter side, above 0 and below 1. Faces below 24 pixels
            are never found. Defaults to 0.05.
        neighbours (int): Number of overlapping detections that make a face. A
            larger number finds fewer faces and fewer false ones. Defaults
            to 4.

    Attributes:
        box_rule: Box rule for a predictor that crops these boxes, see
            :meth:`rcn_mmpose.inference.predictor.Predictor.with_detector`;
            None for uncorrected boxes.

    Raises:
        ImportError: If OpenCV has no cascades, as from version 5 on.
        ValueError: If an argument is not allowed.
    """

    def __init__(
        self,
        boxes: str | Mapping[str, float] = 'eyes_and_mouth',
        smallest: float = 0.05,
        neighbours: int = 4,
    ) -> None:
        correction: Mapping[str, float] | None = None
        if isinstance(boxes, Mapping):
            check_training_boxes(dict(haar=boxes))
            correction = dict(boxes)
        elif boxes in (*CALIBRATED, 'cascade'):
            correction = CALIBRATED.get(boxes)
        else:
            raise ValueError(
                f'boxes={boxes!r}; choose one of {(*CALIBRATED, "cascade")}, or '
                'give dict(scale=..., shift=...).'
            )
        if not 0 < smallest < 1:
            raise ValueError(
                f"smallest={smallest}; give a fraction of the image's shorter "
                'side, above 0 and below 1.'
            )
        if neighbours < 1:
            raise ValueError(f'neighbours={neighbours}; give 1 or more.')
        self.correction = correction
        self.box_rule = None if correction is None else dict(rule='given')
        self.smallest = smallest
        self.neighbours = neighbours
        self._cascade = _Cascade()

    @classmethod
    def for_model(
        cls, model: Model, smallest: float = 0.05, neighbours: int = 4
    ) -> HaarDetector:
        """Return a detector whose boxes suit a model.

        ::

            model = model.with_detector(HaarDetector.for_model(model))

        Args:
            model (Model): From ``load_model``; it is not changed.
            smallest (float): See :class:`HaarDetector`.
            neighbours (int): See :class:`HaarDetector`.

        Raises:
            ValueError: If the boxes of the training are unknown.
        """
        boxes = model.info.training_boxes.get('haar')
        if boxes is None:
            raise ValueError(
                f'the model {model.info.name!r} does not say how its training boxes '
                "follow from those of OpenCV's detector, so its crops would be "
                'wrong. Measure it once on the training faces: python -m '
                'rcn_mmpose.lab.calibration.detector_boxes ANNOTATIONS IMAGES '
                '--save MODEL. Or give the boxes of the faces.'
            )
        return cls(boxes, smallest, neighbours)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Find the faces of an image.

        Args:
            image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR. An image
                with more than 1,280 pixels a side is searched at 1,280.

        Returns:
            np.ndarray: Boxes (x1, y1, x2, y2) in pixels, the largest first,
            float64 (N, 4).
        """
        grey = to_grey(image)
        size = np.array(grey.shape[::-1])
        shrink = min(1.0, LONGEST / size.max())
        small = np.maximum(np.round(size * shrink), 1).astype(int)
        if small.min() < SMALLEST:
            return np.zeros((0, 4))
        if shrink < 1:
            grey = cv2.resize(grey, tuple(small.tolist()), interpolation=cv2.INTER_AREA)
        least = max(SMALLEST, round(self.smallest * float(small.min())))
        found, _, confidence = self._cascade.classifier.detectMultiScale3(
            grey,
            scaleFactor=1.1,
            minNeighbors=self.neighbours,
            minSize=(least, least),
            outputRejectLevels=True,
        )
        boxes = np.asarray(found, np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        boxes = drop_duplicates(boxes, np.reshape(confidence, -1))
        # The cascade counts from the pixel's edge; (0, 0) is a pixel's centre.
        boxes = boxes * np.tile(size / small, 2) - 0.5
        # The cascade's threads return the boxes in any order.
        boxes = boxes[np.lexsort((*boxes.T[:2], boxes[:, 0] - boxes[:, 2]))]
        if self.correction is not None:
            corrected = [box_from_detection(b, **self.correction) for b in boxes]
            boxes = np.array(corrected).reshape(-1, 4)
        return boxes


def detect_faces_for(predictor: Any, **options: Any) -> HaarDetector:
    """Set the detector of a predictor; deprecated.

    Use ``predictor.with_detector(HaarDetector.for_model(predictor))``, which
    does not change the predictor.

    Args:
        predictor (Predictor): From ``load_model``; it is changed.
        **options (Any): ``smallest`` and ``neighbours`` of
            :class:`HaarDetector`.

    Returns:
        HaarDetector: The detector.
    """
    warn_renamed('detect_faces_for', 'Predictor.with_detector')
    detector = HaarDetector.for_model(predictor, **options)
    predictor.info = predictor.with_detector(detector).info
    predictor.detector = detector
    return detector


class _Cascade(threading.local):
    """A cascade for each thread.

    OpenCV keeps the image and its scales in the classifier, so two threads that
    share one get each other's faces. A copied or unpickled detector loads the
    cascade again.
    """

    def __init__(self) -> None:
        self.classifier = _load_cascade()

    def __reduce__(self) -> tuple[type[_Cascade], tuple[()]]:
        return _Cascade, ()


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
        "install a version below 5: pip install 'opencv-python-headless>=4.12,<5'; "
        'or give the boxes of the faces, or another detector.'
    )
