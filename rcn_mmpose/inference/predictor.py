"""From pictures and boxes to keypoints; what all predictors share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from ..crop import crop_square
from .model_info import ModelInfo
from .pictures import as_boxes, is_picture, picture_name, read_picture
from .result import Failure, Picture, Result

Prediction = tuple[np.ndarray, np.ndarray, np.ndarray]
# from a picture, uint8 grey or BGR, to its faces' boxes (N, 4)
Detector = Callable[[np.ndarray], np.ndarray]


class Predictor(ABC):
    """Finds the keypoints of faces whose boxes are known.

    Args:
        info (ModelInfo): Of the model.
        batch_size (int): Faces that go through the network at once.
        detector (Callable, optional): Finds the boxes where none are given:
            called with a picture, uint8 (H, W) grey or (H, W, 3) BGR, it
            returns (N, 4).

    Raises:
        ValueError: If ``batch_size`` is not positive.
    """

    def __init__(
        self,
        info: ModelInfo,
        batch_size: int = 16,
        detector: Detector | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}; give 1 or more.')
        self.info = info
        self.batch_size = batch_size
        self.detector = detector

    @abstractmethod
    def _run(self, crops: np.ndarray) -> Prediction:
        """Predict a batch of at most ``batch_size`` crops."""

    def predict(self, crops: np.ndarray) -> Prediction:
        """Predict the keypoints of crops.

        Args:
            crops (np.ndarray): Grey, uint8 (N, H, W) of the model's input
                size.

        Returns:
            tuple: Keypoints (N, K, 2) in pixels of the crop, confidence
            (N, K), covariance (N, K, 2, 2) in squared pixels of the crop;
            float32.

        Raises:
            ValueError: If the crops are not of that shape or type.
        """
        width, height = self.info.input_size
        if crops.dtype != np.uint8 or crops.shape[1:] != (height, width):
            raise ValueError(
                f'crops of shape {crops.shape} and type {crops.dtype}; this '
                f'model takes uint8 (N, {height}, {width}).'
            )
        step = self.batch_size
        parts = [
            self._run(crops[i : i + step]) for i in range(0, len(crops), step)
        ]
        if not parts:
            count = len(self.info.keypoints)
            shapes = ((count, 2), (count,), (count, 2, 2))
            return tuple(np.zeros((0, *s), np.float32) for s in shapes)
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def crop(self, picture: np.ndarray, boxes: Any) -> np.ndarray:
        """Cut faces out of one picture, as the network sees them.

        Args:
            picture (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3)
                BGR.
            boxes (np.ndarray): (x1, y1, x2, y2) in pixels, (N, 4).

        Returns:
            np.ndarray: Grey, uint8 (N, height, width).

        Raises:
            ValueError: If a box is empty, not finite or outside.
        """
        size = self.info.input_size
        crops = [
            crop_square(picture, *self.info.square(box), size)
            for box in as_boxes(boxes)
        ]
        return np.stack(crops) if crops else np.zeros((0, *size), np.uint8)

    def __call__(self, pictures: Any, boxes: Any = None) -> Result:
        """Predict the keypoints of the faces in one or more pictures.

        Args:
            pictures: One picture or a list: paths, ``PIL.Image``, or arrays,
                uint8 (H, W) grey or (H, W, 3) in the order BGR.
            boxes: For one picture its faces' boxes (N, 4), (x1, y1, x2, y2)
                in pixels; for a list one such entry a picture. A picture
                without a face has an empty list. May be left out where the
                predictor has a detector.

        Returns:
            Result: Of all faces, in the order of pictures and boxes.

        Raises:
            ValueError: If the boxes do not go with the pictures, there is no
                picture or, for one picture alone, if a face or the picture
                fails. In a list each failure stands in ``failures``, and the
                other faces are predicted.
            FileNotFoundError: If the one picture does not exist.
            TypeError: If the one picture is none.
        """
        start = perf_counter()
        alone = is_picture(pictures)
        if alone:
            pictures, boxes = [pictures], None if boxes is None else [boxes]
        pictures = list(pictures)
        boxes = self._boxes(pictures, boxes, alone)
        faces = _Faces(self.info, strict=alone)
        for picture, known in zip(pictures, boxes, strict=True):
            faces.add(picture, known, self.detector)
        cropped = perf_counter()
        prediction = self.predict(faces.stacked())
        end = perf_counter()
        return faces.result(
            prediction,
            dict(crop=cropped - start, network=end - cropped),
            start,
        )

    def _boxes(
        self, pictures: Sequence, boxes: Sequence | None, alone: bool
    ) -> list[np.ndarray | None]:
        """Check how many boxes there are, for each picture."""
        if not len(pictures):
            raise ValueError(
                'no pictures; give one (a path, a PIL.Image or an array) or '
                'a list of at least one.'
            )
        if boxes is None:
            if self.detector is None:
                raise ValueError(
                    'no boxes, and this predictor has no detector; give the '
                    "faces' boxes (x1, y1, x2, y2), or load the model with "
                    'detector=..., a function from a picture to boxes.'
                )
            return [None] * len(pictures)
        if len(boxes) != len(pictures):
            raise ValueError(
                f'{len(pictures)} pictures, but boxes for {len(boxes)}; for '
                'a list of pictures give one entry each: its boxes (N, 4), '
                'or an empty list.'
            )
        return [
            as_boxes(entry, '' if alone else f' of picture {i}')
            for i, entry in enumerate(boxes)
        ]


class _Faces:
    """The faces of all pictures on their way through the network."""

    def __init__(self, info: ModelInfo, strict: bool) -> None:
        self.info = info
        self.strict = strict
        self.crops: list[np.ndarray] = []
        self.rows: list[int] = []  # of the faces that have a crop
        self.squares: list[tuple[np.ndarray, np.float32]] = []
        self.boxes: list[np.ndarray] = []
        self.picture_index: list[int] = []
        self.pictures: list[Picture] = []
        self.failures: list[Failure] = []

    def add(
        self,
        picture: Any,
        boxes: np.ndarray | None,
        detector: Detector | None,
    ) -> None:
        """Crop the faces of one picture."""
        index, name = len(self.pictures), picture_name(picture)
        array, size = None, (0, 0)
        try:
            array = read_picture(picture)
            size = array.shape[1::-1]
            if boxes is None:
                boxes = as_boxes(detector(array), ' of the detector')
        except (ValueError, TypeError, OSError) as error:
            if self.strict:
                raise
            self.failures.append(Failure(index, None, str(error)))
            array = None
        self.pictures.append(Picture(name, size))
        for face, box in enumerate(() if boxes is None else boxes):
            self.boxes.append(box)
            self.picture_index.append(index)
            if array is not None:
                self._crop(array, box, index, face)

    def _crop(
        self, array: np.ndarray, box: np.ndarray, index: int, face: int
    ) -> None:
        """Crop one face."""
        try:
            square = self.info.square(box)
            crop = crop_square(array, *square, self.info.input_size)
        except ValueError as error:
            if self.strict:
                raise ValueError(f'face {face}: {error}') from error
            self.failures.append(Failure(index, face, str(error)))
            return
        self.crops.append(crop)
        self.squares.append(square)
        self.rows.append(len(self.boxes) - 1)

    def stacked(self) -> np.ndarray:
        """Return the crops, uint8 (N, H, W)."""
        if self.crops:
            return np.stack(self.crops)
        return np.zeros((0, *self.info.input_size), np.uint8)

    def result(
        self,
        prediction: Prediction,
        timing: dict[str, float],
        start: float,
    ) -> Result:
        """Bring a prediction back to the pictures."""
        count, names = len(self.boxes), self.info.keypoints
        keypoints = np.full((count, len(names), 2), np.nan, np.float32)
        confidence = np.zeros((count, len(names)), np.float32)
        covariance = np.full((count, len(names), 2, 2), np.nan, np.float32)
        if self.rows:
            centre = np.stack([c for c, _ in self.squares]).astype(float)
            side = np.array([s for _, s in self.squares], float)
            scale = (side / self.info.input_size[0])[:, None, None]
            corner = (centre - side[:, None] / 2)[:, None]
            points, mass, spread = prediction
            keypoints[self.rows] = points * scale + corner
            confidence[self.rows] = mass
            covariance[self.rows] = spread * scale[..., None] ** 2
        return Result(
            keypoints=keypoints,
            confidence=confidence,
            covariance=covariance,
            boxes=np.array(self.boxes, float).reshape(-1, 4),
            picture_index=np.array(self.picture_index, np.int64),
            pictures=tuple(self.pictures),
            names=tuple(names),
            failures=tuple(self.failures),
            timing=dict(timing, total=perf_counter() - start),
        )
