"""Prediction: from images and bounding boxes to keypoints.

:class:`Predictor` is the common part of all runtimes. A call reads the images,
crops the faces, runs the network in batches and maps its output back to the
images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..environment.renamed import warn_renamed
from ..image.crop import Prediction, Squares, crop_square
from ..image.reading import (
    as_boxes,
    as_images,
    image_name,
    is_image,
    read_image,
)
from ..io.output import Failure, Result, SourceImage
from .second_pass import SecondPass, merge, predict_again

if TYPE_CHECKING:
    from .loading import ModelInfo

# From an image, uint8 grey or BGR, to the boxes of its faces (N, 4).
Detector = Callable[[np.ndarray], np.ndarray]


class Predictor(ABC):
    """Find the keypoints of faces.

    Args:
        info (ModelInfo): Description of the model.
        batch_size (int): Faces in a batch of the network.
        detector (Callable, optional): Finds the boxes if none are given. It
            takes an image, uint8 (H, W) grey or (H, W, 3) BGR, and returns
            boxes (N, 4).
        passes (int): With 2, each face is cropped again by its first
            keypoints, upright and centred, predicted again, and both
            predictions are merged: see :mod:`rcn_mmpose.inference.second_pass`.
            This takes twice the time. Defaults to 1.
        second_pass (SecondPass, optional): How the second crop follows from
            the keypoints. Known for MTFL's five keypoints and 300W's 68.

    Raises:
        ValueError: If ``batch_size`` is below 1, ``passes`` is not 1 or 2, or
            ``second_pass`` is unknown for these keypoints, does not fit them,
            or is given for one pass.
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

    def __call__(self, images: Any, boxes: Any = None) -> Result:
        """Predict the keypoints of the faces in one or more images.

        Args:
            images: One image or a list of images: paths, ``PIL.Image``, or
                arrays, uint8 (H, W) grey or (H, W, 3) in the order BGR.
            boxes: For one image the boxes of its faces (N, 4),
                (x1, y1, x2, y2) in pixels; for a list of images a list of
                such entries. An image without a face has an empty list. With
                a detector the boxes may be left out.

        Returns:
            Result: All faces, in the order of images and boxes. In a list of
            images, a face or an image that fails becomes an entry of
            ``failures``, and the other faces are predicted.

        Raises:
            ValueError: If the boxes do not match the images, there is no
                image, or a single image or one of its faces fails.
            FileNotFoundError: If the single image does not exist.
            TypeError: If ``images`` is neither an image nor a list.
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
                faces.predict()  # releases the images
        faces.predict()
        return faces.result(start)

    def predict(self, images: Any, boxes: Any = None) -> Result:
        """Predict the keypoints of the faces in images, like a call.

        An array of crops is still taken, with a DeprecationWarning, as in
        :meth:`predict_crops`: uint8 (N, height, width) of the model's input
        size, which cannot be an image.

        Args:
            images: See :meth:`__call__`.
            boxes: See :meth:`__call__`.

        Returns:
            Result: All faces, in the order of images and boxes.
        """
        if boxes is None and self._are_crops(images):
            warn_renamed('Predictor.predict(crops)', 'Predictor.predict_crops(crops)')
            return self.predict_crops(images)  # type: ignore[return-value]  # until 0.2
        return self(images, boxes)

    def predict_crops(self, crops: np.ndarray) -> Prediction:
        """Predict the keypoints of crops.

        Args:
            crops (np.ndarray): Grey, uint8 (N, height, width) of the model's
                input size.

        Returns:
            tuple: Keypoints (N, K, 2) in pixels of the crop, confidence
            (N, K), covariance (N, K, 2, 2) in squared pixels of the crop;
            float32.

        Raises:
            ValueError: If the crops have another shape or type.
        """
        if not self._are_crops(crops):
            width, height = self.info.input_size
            raise ValueError(
                f'crops of shape {crops.shape} and type {crops.dtype}; this '
                f'model takes uint8 (N, {height}, {width}).'
            )
        step = self.batch_size
        parts = [self._run(crops[i : i + step]) for i in range(0, len(crops), step)]
        if not parts:
            count = len(self.info.keypoints)
            return (
                np.zeros((0, count, 2), np.float32),
                np.zeros((0, count), np.float32),
                np.zeros((0, count, 2, 2), np.float32),
            )
        keypoints, confidence, covariance = map(
            np.concatenate, zip(*parts, strict=True)
        )
        return keypoints, confidence, covariance

    def crop(self, image: np.ndarray, boxes: Any) -> np.ndarray:
        """Crop the faces of one image, as the network sees them.

        Args:
            image (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3)
                BGR.
            boxes (np.ndarray): (x1, y1, x2, y2) in pixels, (N, 4).

        Returns:
            np.ndarray: Grey, uint8 (N, height, width).

        Raises:
            ValueError: If a box is empty, not finite or outside the image.
        """
        size = self.info.input_size
        crops = [
            crop_square(image, *self.info.square(box), size) for box in as_boxes(boxes)
        ]
        return np.stack(crops) if crops else np.zeros((0, *size), np.uint8)

    def with_detector(
        self, detector: Detector | None, box_rule: Mapping | None = None
    ) -> Predictor:
        """Return a copy of this predictor with a detector.

        This predictor is not changed. Both predictors share the network.

        Args:
            detector (Callable, optional): From an image to boxes (N, 4), see
                :mod:`rcn_mmpose.detect`; None for no detector.
            box_rule (dict, optional): How a box becomes the square that is
                cropped, see :class:`~rcn_mmpose.inference.loading.ModelInfo`.
                Defaults to ``box_rule`` of the detector, if it has one, or else
                of this predictor.
        """
        box_rule = box_rule or getattr(detector, 'box_rule', None)
        other = copy(self)
        other.detector = detector
        if box_rule is not None:
            other.info = replace(self.info, box_rule=dict(box_rule))
        return other

    @abstractmethod
    def _run(self, crops: np.ndarray) -> Prediction:
        """Predict a batch of at most ``batch_size`` crops."""

    def _are_crops(self, value: Any) -> bool:
        """Whether a value is an array of crops of the input size."""
        return (
            isinstance(value, np.ndarray)
            and value.dtype == np.uint8
            and value.shape[1:] == tuple(self.info.input_size[::-1])
        )

    def _boxes(
        self, images: Sequence, boxes: Sequence | None, alone: bool
    ) -> Sequence[np.ndarray | None]:
        """Check that each image has its boxes, or the detector finds them."""
        if not len(images):
            raise ValueError(
                'no images; give one (a path, a PIL.Image or an array) or '
                'a list of at least one.'
            )
        if boxes is None:
            if self.detector is None:
                raise ValueError(
                    'no boxes, and this predictor has no detector; give the '
                    'boxes of the faces (x1, y1, x2, y2), or load the model with '
                    'detector=..., a function from an image to boxes.'
                )
            return [None] * len(images)
        if len(boxes) != len(images):
            raise ValueError(
                f'{len(images)} images, but boxes for {len(boxes)}; give '
                'one entry for each image of a list: its boxes (N, 4), or an '
                'empty list.'
            )
        return [
            as_boxes(entry, '' if alone else f' of image {i}')
            for i, entry in enumerate(boxes)
        ]


class _Faces:
    """Collect the faces of all images, predict them, and return the result."""

    def __init__(self, predictor: Predictor, strict: bool) -> None:
        self.predictor = predictor
        self.info = predictor.info
        self.strict = strict
        self.network_seconds = 0.0
        # Faces that wait for the network.
        self.crops: list[np.ndarray] = []
        self.squares: list[tuple[np.ndarray, float]] = []
        self.arrays: list[np.ndarray] = []
        # Faces that have a crop.
        self.rows: list[int] = []
        self.predictions: list[Prediction] = []
        # All faces.
        self.boxes: list[np.ndarray] = []
        self.image_index: list[int] = []
        self.images: list[SourceImage] = []
        self.failures: list[Failure] = []

    def add(self, image: Any, boxes: np.ndarray | None) -> None:
        """Crop the faces of one image."""
        index, name = len(self.images), image_name(image)
        array, size = None, (0, 0)
        detector = self.predictor.detector
        try:
            array = read_image(image)
            size = (array.shape[1], array.shape[0])
            if boxes is None and detector is not None:
                boxes = as_boxes(detector(array), ' of the detector')
        except (ValueError, TypeError, OSError) as error:
            if self.strict:
                raise
            self.failures.append(Failure(index, None, str(error)))
            array = None
        source = SourceImage(name, size)
        if not name and array is not None:
            source = source.with_lent(image)
        self.images.append(source)
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
        """Run the network on the waiting faces, once or twice."""
        if not self.crops:
            return
        start = perf_counter()
        found = self.predictor.predict_crops(np.stack(self.crops))
        self.network_seconds += perf_counter() - start
        squares = Squares.upright(self.squares)
        found = squares.to_image(found, self.info.input_size[0])
        second_pass = self.predictor.second_pass
        if second_pass:
            again, seconds = predict_again(
                self.predictor, self.arrays, found, second_pass
            )
            self.network_seconds += seconds
            found = merge(found, again) if second_pass.merge else again
        self.predictions.append(found)
        self.crops, self.squares, self.arrays = [], [], []

    def result(self, start: float) -> Result:
        """Return the result of all faces.

        Args:
            start (float): Time at which the call began.
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
            lines=self.info.lines,
        )
