"""From images and boxes to keypoints; what all predictors share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from ..geometry.squares import Prediction, Squares
from ..image.crop import crop_square
from ..image.reading import (
    as_boxes,
    as_images,
    image_name,
    is_image,
    read_image,
)
from ..io.result import Failure, Result, SourceImage
from .model_info import ModelInfo
from .second_pass import SecondPass, merge, predict_again

# from an image, uint8 grey or BGR, to its faces' boxes (N, 4)
Detector = Callable[[np.ndarray], np.ndarray]


class Predictor(ABC):
    """Finds the keypoints of faces whose boxes are known.

    Args:
        info (ModelInfo): Of the model.
        batch_size (int): Faces that go through the network at once.
        detector (Callable, optional): Finds the boxes where none are given:
            called with an image, uint8 (H, W) grey or (H, W, 3) BGR, it
            returns (N, 4).
        passes (int): 2 to crop each face again by the keypoints found first,
            upright and centred, predict again, and join both, see
            :mod:`~.second_pass`: twice the time. Defaults to 1.
        second_pass (SecondPass, optional): How that crop follows from the
            keypoints. Known for MTFL's five keypoints and for 300W's 68.

    Raises:
        ValueError: If ``batch_size`` is not positive, ``passes`` neither 1
            nor 2, or the second pass unknown for these keypoints, of others,
            or given for one pass.
    """

    def __init__(
        self,
        info: ModelInfo,
        batch_size: int = 16,
        detector: Detector | None = None,
        passes: int = 1,
        second_pass: SecondPass | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}; give 1 or more.')
        if passes not in (1, 2):
            raise ValueError(f'passes={passes!r}; give 1 or 2.')
        if passes == 1 and second_pass is not None:
            raise ValueError('second_pass is given; give passes=2 with it.')
        if passes == 2:
            second_pass = second_pass or SecondPass.known(info.keypoints)
            second_pass.check(len(info.keypoints))
        self.info = info
        self.batch_size = batch_size
        self.detector = detector
        self.second_pass = second_pass

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
        parts = [self._run(crops[i : i + step]) for i in range(0, len(crops), step)]
        if not parts:
            count = len(self.info.keypoints)
            shapes = ((count, 2), (count,), (count, 2, 2))
            return tuple(np.zeros((0, *s), np.float32) for s in shapes)
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def crop(self, image: np.ndarray, boxes: Any) -> np.ndarray:
        """Cut faces out of one image, as the network sees them.

        Args:
            image (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3)
                BGR.
            boxes (np.ndarray): (x1, y1, x2, y2) in pixels, (N, 4).

        Returns:
            np.ndarray: Grey, uint8 (N, height, width).

        Raises:
            ValueError: If a box is empty, not finite or outside.
        """
        size = self.info.input_size
        crops = [
            crop_square(image, *self.info.square(box), size) for box in as_boxes(boxes)
        ]
        return np.stack(crops) if crops else np.zeros((0, *size), np.uint8)

    def __call__(self, images: Any, boxes: Any = None) -> Result:
        """Predict the keypoints of the faces in one or more images.

        Args:
            images: One image or a list: paths, ``PIL.Image``, or arrays,
                uint8 (H, W) grey or (H, W, 3) in the order BGR.
            boxes: For one image its faces' boxes (N, 4), (x1, y1, x2, y2)
                in pixels; for a list one such entry an image. An image
                without a face has an empty list. May be left out where the
                predictor has a detector.

        Returns:
            Result: Of all faces, in the order of images and boxes.

        Raises:
            ValueError: If the boxes do not go with the images, there is no
                image or, for one image alone, if a face or the image
                fails. In a list each failure stands in ``failures``, and the
                other faces are predicted.
            FileNotFoundError: If the one image does not exist.
            TypeError: If it is neither an image nor a list.
        """
        start = perf_counter()
        alone = is_image(images)
        if alone:
            images, boxes = [images], None if boxes is None else [boxes]
        images = as_images(images)
        boxes = self._boxes(images, boxes, alone)
        faces = _Faces(self, strict=alone)
        for image, known in zip(images, boxes, strict=True):
            faces.add(image, known)
            if self.second_pass and len(faces.crops) >= self.batch_size:
                faces.predict()  # to let go of the images
        faces.predict()
        return faces.result(start)

    def _boxes(
        self, images: Sequence, boxes: Sequence | None, alone: bool
    ) -> list[np.ndarray | None]:
        """Check how many boxes there are, for each image."""
        if not len(images):
            raise ValueError(
                'no images; give one (a path, a PIL.Image or an array) or '
                'a list of at least one.'
            )
        if boxes is None:
            if self.detector is None:
                raise ValueError(
                    'no boxes, and this predictor has no detector; give the '
                    "faces' boxes (x1, y1, x2, y2), or load the model with "
                    'detector=..., a function from an image to boxes.'
                )
            return [None] * len(images)
        if len(boxes) != len(images):
            raise ValueError(
                f'{len(images)} images, but boxes for {len(boxes)}; for '
                'a list of images give one entry each: its boxes (N, 4), '
                'or an empty list.'
            )
        return [
            as_boxes(entry, '' if alone else f' of image {i}')
            for i, entry in enumerate(boxes)
        ]


class _Faces:
    """The faces of all images on their way through the network."""

    def __init__(self, predictor: Predictor, strict: bool) -> None:
        self.predictor = predictor
        self.info = predictor.info
        self.strict = strict
        self.network_seconds = 0.0
        # of the faces that wait for the network
        self.crops: list[np.ndarray] = []
        self.squares: list[tuple[np.ndarray, np.float32]] = []
        self.arrays: list[np.ndarray] = []
        # of those that have a crop
        self.rows: list[int] = []
        self.predictions: list[Prediction] = []
        # of all
        self.boxes: list[np.ndarray] = []
        self.image_index: list[int] = []
        self.images: list[SourceImage] = []
        self.failures: list[Failure] = []

    def add(self, image: Any, boxes: np.ndarray | None) -> None:
        """Crop the faces of one image."""
        index, name = len(self.images), image_name(image)
        array, size = None, (0, 0)
        try:
            array = read_image(image)
            size = array.shape[1::-1]
            if boxes is None:
                boxes = as_boxes(self.predictor.detector(array), ' of the detector')
        except (ValueError, TypeError, OSError) as error:
            if self.strict:
                raise
            self.failures.append(Failure(index, None, str(error)))
            array = None
        self.images.append(SourceImage(name, size))
        for face, box in enumerate(() if boxes is None else boxes):
            self.boxes.append(box)
            self.image_index.append(index)
            if array is not None:
                self._crop(array, box, index, face)

    def _crop(self, array: np.ndarray, box: np.ndarray, index: int, face: int) -> None:
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
        if self.predictor.second_pass:
            self.arrays.append(array)

    def predict(self) -> None:
        """Send the faces that wait through the network, once or twice."""
        if not self.crops:
            return
        start = perf_counter()
        found = self.predictor.predict(np.stack(self.crops))
        self.network_seconds += perf_counter() - start
        squares = Squares.upright(self.squares)
        found = squares.to_image(found, self.info.input_size[0])
        if self.predictor.second_pass:
            again, seconds = predict_again(self.predictor, self.arrays, found)
            self.network_seconds += seconds
            join = self.predictor.second_pass.merge
            found = merge(found, again) if join else again
        self.predictions.append(found)
        self.crops, self.squares, self.arrays = [], [], []

    def result(self, start: float) -> Result:
        """Put the result together.

        Args:
            start (float): When the work began.
        """
        count, names = len(self.boxes), self.info.keypoints
        keypoints = np.full((count, len(names), 2), np.nan, np.float32)
        confidence = np.zeros((count, len(names)), np.float32)
        covariance = np.full((count, len(names), 2, 2), np.nan, np.float32)
        if self.rows:
            found = zip(*self.predictions, strict=True)
            places = (keypoints, confidence, covariance)
            for place, parts in zip(places, found, strict=True):
                place[self.rows] = np.concatenate(parts)
        total = perf_counter() - start
        seconds = self.network_seconds
        return Result(
            keypoints=keypoints,
            confidence=confidence,
            covariance=covariance,
            boxes=np.array(self.boxes, float).reshape(-1, 4),
            image_index=np.array(self.image_index, np.int64),
            images=tuple(self.images),
            names=tuple(names),
            failures=tuple(self.failures),
            timing=dict(crop=total - seconds, network=seconds, total=total),
        )
