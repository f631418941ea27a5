"""Prediction: from images and bounding boxes to keypoints.

:class:`Predictor` is the common part of all runtimes. A call reads the images,
crops the faces, runs the network in batches and maps its output back to the
images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..detect.detections import Detections, as_detections, detections_of_images
from ..image.crop import Prediction, Squares, crop_square
from ..image.reading import (
    as_images,
    image_name,
    is_image,
    read_image,
)
from ..io.output import Failure, Result, SourceImage
from .failure_reasons import reason_of
from .second_pass import SecondPass, merge, predict_again
from .seen_crops import SeenCrops

if TYPE_CHECKING:
    from .loading import ModelInfo

NO_BOXES = (
    'no boxes, and this predictor has no detector; give the boxes of the faces '
    '(x1, y1, x2, y2), or load the model with detector=..., a function from an image '
    'to boxes.'
)
NOT_FINITE = 'the network returned keypoints that are not finite numbers.'
# From an image, uint8 grey or BGR, to the boxes of its faces (N, 4).
Detector = Callable[[np.ndarray], np.ndarray | Detections]


class Predictor(SeenCrops, ABC):
    """Find the keypoints of faces.

    Threads may call one predictor at the same time: the results are those of one
    call after the other, if the detector allows threads, as the detectors of
    :mod:`rcn_mmpose.detect` do. A predictor also works in a forked process. Its
    pickles hold the path of its file and its options, not the weights.

    Args:
        info (ModelInfo): Description of the model.
        batch_size (int): Faces in a batch of the network.
        detector (Callable, optional): Finds the boxes if none are given. It
            takes an image, uint8 (H, W) grey or (H, W, 3) BGR, and returns
            boxes (N, 4) or :class:`~rcn_mmpose.detect.detections.Detections`.
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
                a detector the boxes may be left out. An entry may be
                :class:`~rcn_mmpose.detect.detections.Detections`, whose roll
                rotates the crops.

        Returns:
            Result: All faces, in the order of images and boxes. In a list of
            images, a face or an image that fails becomes an entry of
            ``failures``, and the other faces are predicted. This holds for every
            ``Exception`` of reading, detector and network, also MemoryError. The
            faces of a batch that fails are predicted one by one.

        Raises:
            ValueError: If the boxes do not match the images, there is no
                image, or a single image or one of its faces fails.
            FileNotFoundError: If the single image does not exist.
            Exception: What detector or network raise for a single image.
            TypeError: If ``images`` is neither an image nor a list.
        """
        start = perf_counter()
        alone = is_image(images)
        if alone:
            images, boxes = [images], None if boxes is None else [boxes]
        images = as_images(images)
        if boxes is None and self.detector is None:
            raise ValueError(NO_BOXES)
        given: list[Detections | None] = [None] * len(images)
        if boxes is not None:
            given = [*detections_of_images(boxes, len(images), alone)]
        faces = _Faces(self, strict=alone)
        for image, known in zip(images, given, strict=True):
            faces.add(image, known)
            if self.second_pass and len(faces.waiting) >= self.batch_size:
                faces.predict()  # releases the images
        faces.predict()
        return faces.result(start)

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

    def __copy__(self) -> Predictor:
        """Return a predictor that shares the network, also if pickles do not."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
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


class _Waiting(NamedTuple):
    """A face that waits for the network."""

    crop: np.ndarray
    square: tuple[np.ndarray, float]
    roll: float
    array: np.ndarray | None  # the image, for a second pass
    row: int  # index of the face in the result
    image: int
    face: int


class _Faces:
    """Collect the faces of all images, predict them, and return the result."""

    def __init__(self, predictor: Predictor, strict: bool) -> None:
        self.predictor = predictor
        self.info = predictor.info
        self.strict = strict
        self.seconds = dict(decode=0.0, detect=0.0, crop=0.0, network=0.0)
        self.waiting: list[_Waiting] = []
        self.rows: list[int] = []  # of the faces with a prediction
        self.predictions: list[Prediction] = []
        self.boxes: list[np.ndarray] = []
        self.scores: list[float] = []
        self.rolls: list[float] = []
        self.image_index: list[int] = []
        self.images: list[SourceImage] = []
        self.failures: list[Failure] = []

    def add(self, image: Any, faces: Detections | None) -> None:
        """Crop the faces of one image."""
        index, name = len(self.images), image_name(image)
        array, size = None, (0, 0)
        detector = self.predictor.detector
        try:
            with self._timed('decode'):
                array = read_image(image)
            size = (array.shape[1], array.shape[0])
            if faces is None and detector is not None:
                with self._timed('detect'):
                    found = detector(array)
                if not isinstance(found, Detections):
                    found = as_detections(found, ' of the detector')
                faces = found
        except Exception as error:
            self._fail(index, None, error, '' if array is None else 'detector')
            array = None
        source = SourceImage(name, size)
        if not name and array is not None:
            source = source.with_lent(image)
        self.images.append(source)
        if faces is None:
            return
        columns = faces.boxes, faces.scores.tolist(), faces.roll.tolist()
        for face, (box, score, roll) in enumerate(zip(*columns, strict=True)):
            self.boxes.append(box)
            self.scores.append(score)
            self.rolls.append(roll)
            self.image_index.append(index)
            if array is not None:
                self._crop(array, index, face)

    def _crop(self, array: np.ndarray, index: int, face: int) -> None:
        """Crop the newest face."""
        box, roll = self.boxes[-1], self.rolls[-1]
        try:
            with self._timed('crop'):
                square = self.info.square(box)
                crop = crop_square(array, *square, self.info.input_size, roll)
        except Exception as error:
            if self.strict and isinstance(error, ValueError):
                raise ValueError(f'face {face}: {error}') from error
            self._fail(index, face, error)
            return
        kept = array if self.predictor.second_pass else None
        row = len(self.boxes) - 1
        self.waiting.append(_Waiting(crop, square, roll, kept, row, index, face))

    def predict(self) -> None:
        """Run the network on the waiting faces."""
        waiting, self.waiting = self.waiting, []
        self._predict(waiting)

    def _predict(self, faces: list[_Waiting]) -> None:
        """Run the network on faces; if that fails, on fewer faces at a time."""
        if not faces:
            return
        try:
            found = self._run(faces)
        except Exception as error:
            if self.strict or len(faces) == 1:
                self._fail(faces[0].image, faces[0].face, error, 'network')
                return
            size = self.predictor.batch_size
            step = size if len(faces) > size else 1
            for i in range(0, len(faces), step):
                self._predict(faces[i : i + step])
            return
        self.predictions.append(found)
        self.rows += [face.row for face in faces]
        for i in np.flatnonzero(~np.isfinite(found[0]).all((1, 2))):
            self.failures.append(Failure(faces[i].image, faces[i].face, NOT_FINITE))

    def _run(self, faces: list[_Waiting]) -> Prediction:
        """Return the prediction of faces in pixels of their images."""
        model, second_pass = self.predictor, self.predictor.second_pass
        with self._timed('network'):
            found = model.predict_crops(np.stack([face.crop for face in faces]))
        squares = Squares.upright([face.square for face in faces])
        squares.rotation[:] = [face.roll for face in faces]
        found = squares.to_image(found, self.info.input_size[0])
        if second_pass:
            images = [face.array for face in faces if face.array is not None]
            with self._timed('crop'):
                again, seconds = predict_again(model, images, found, second_pass)
            self.seconds['crop'] -= seconds
            self.seconds['network'] += seconds
            found = merge(found, again) if second_pass.merge else again
        return found

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        """Add the time of a block to a part of the work."""
        start = perf_counter()
        yield
        self.seconds[part] += perf_counter() - start

    def _fail(
        self, image: int, face: int | None, error: Exception, part: str = ''
    ) -> None:
        """Note a failure; for a single image, raise the error."""
        if self.strict:
            raise error
        self.failures.append(Failure(image, face, reason_of(error, part)))

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
        # Failures of the network were noted last.
        failures = sorted(
            self.failures, key=lambda f: (f.image, -1 if f.face is None else f.face)
        )
        total = perf_counter() - start
        other = total - sum(self.seconds.values())
        return Result(
            keypoints=keypoints,
            confidence=confidence,
            covariance=covariance,
            boxes=np.array(self.boxes, float).reshape(-1, 4),
            image_index=np.array(self.image_index, np.int64),
            images=tuple(self.images),
            names=tuple(names),
            failures=tuple(failures),
            timing=dict(self.seconds, other=other, total=total),
            lines=self.info.lines,
            detection_scores=np.array(self.scores, float),
            roll=np.array(self.rolls, float),
        )
