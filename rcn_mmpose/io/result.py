"""The result of a predictor: keypoints, confidence, and conversions."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..environment.renamed import renamed_property, warn_renamed


class SourceImage(NamedTuple):
    """An image that was given to the predictor.

    Attributes:
        name: Its path; empty for an array.
        size: Width and height in pixels, (0, 0) if it could not be read.
    """

    name: str
    size: tuple[int, int]


class Failure(NamedTuple):
    """A face, or a whole image, without keypoints.

    Attributes:
        image: Index of the image.
        face: Index of the box in the image, or None for the whole image.
        reason: The error, and how to fix it.
    """

    image: int
    face: int | None
    reason: str

    @property
    def picture(self) -> int:
        """Old name of ``image``."""
        warn_renamed('Failure.picture', 'Failure.image')
        return self.image


@dataclass(frozen=True)
class Result:
    """The keypoints of N faces, in the order of images and boxes.

    As in MMPose, (0, 0) is the centre of the top-left pixel.

    Attributes:
        keypoints: Positions (x, y) in pixels of the image, float32
            (N, K, 2). NaN for a failed face.
        confidence: Probability that the keypoint lies within the model's
            radius of its position, float32 (N, K) in [0, 1]; 0 for a failed
            face. The radius is 3 of the crop's 80 pixels unless the model's
            config sets another.
        covariance: Covariance of the keypoint's probability map, in squared
            pixels of the image, float32 (N, K, 2, 2). Its centre is the map's
            mean; in a calibrated model it is the keypoint. NaN for a failed
            face.
        boxes: The given or detected boxes, (x1, y1, x2, y2) in pixels,
            float64 (N, 4).
        image_index: Index of the image of each face, int64 (N,).
        images: The images.
        names: Names of the K keypoints.
        failures: Failed faces and images, with the reasons.
        timing: Seconds spent: ``crop`` (reading, grey, warp), ``network``
            (with normalisation and decoding), ``total``.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    covariance: np.ndarray
    boxes: np.ndarray
    image_index: np.ndarray
    images: tuple[SourceImage, ...]
    names: tuple[str, ...]
    failures: tuple[Failure, ...]
    timing: dict[str, float]

    pictures = renamed_property('pictures', 'images')
    picture_index = renamed_property('picture_index', 'image_index')

    def __len__(self) -> int:
        """Return N, the number of faces."""
        return len(self.keypoints)

    @property
    def found(self) -> np.ndarray:
        """Mask of the faces that have keypoints, bool (N,)."""
        return np.isfinite(self.keypoints).all((1, 2))

    def of(self, image: int) -> Result:
        """Return the faces of one image.

        Args:
            image (int): Index of the image.

        Raises:
            IndexError: If the index is out of range.
        """
        if not 0 <= image < len(self.images):
            raise IndexError(f'image {image} of {len(self.images)}; count from 0.')
        rows = self.image_index == image
        return replace(
            self,
            keypoints=self.keypoints[rows],
            confidence=self.confidence[rows],
            covariance=self.covariance[rows],
            boxes=self.boxes[rows],
            image_index=self.image_index[rows] * 0,
            images=(self.images[image],),
            failures=tuple(
                failure._replace(image=0)
                for failure in self.failures
                if failure.image == image
            ),
        )

    def to_coco(self) -> dict:
        """Return the faces with keypoints as COCO annotations, ready for json."""
        annotations = [
            coco_annotation(
                number,
                int(self.image_index[i]) + 1,
                self.boxes[i],
                self.keypoints[i],
                self.confidence[i],
            )
            for number, i in enumerate(np.flatnonzero(self.found), 1)
        ]
        return dict(
            images=[
                dict(
                    id=i + 1,
                    file_name=image.name,
                    width=image.size[0],
                    height=image.size[1],
                )
                for i, image in enumerate(self.images)
            ],
            annotations=annotations,
            categories=coco_categories(self.names),
        )

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with one row for each keypoint of each face.

        Columns: ``image`` and ``face`` (indices), ``file``, ``keypoint``
        (name), ``x``, ``y``, ``confidence``, ``var_x``, ``cov_xy``,
        ``var_y``.

        Raises:
            ImportError: If pandas is not installed.
        """
        pandas = _optional('pandas')
        count = len(self.names)
        # The index of a face in its image; the faces of an image are adjacent.
        _, first = np.unique(self.image_index, return_index=True)
        start = np.zeros(len(self.images), np.int64)
        start[self.image_index[first]] = first
        face = np.arange(len(self)) - start[self.image_index]
        files = np.array([image.name for image in self.images], object)
        covariance = self.covariance.reshape(-1, 4)
        return pandas.DataFrame(
            dict(
                image=self.image_index.repeat(count),
                file=files[self.image_index].repeat(count),
                face=face.repeat(count),
                keypoint=list(self.names) * len(self),
                x=self.keypoints[..., 0].ravel(),
                y=self.keypoints[..., 1].ravel(),
                confidence=self.confidence.ravel(),
                var_x=covariance[:, 0],
                cov_xy=covariance[:, 1],
                var_y=covariance[:, 3],
            )
        )

    def to_supervision(self) -> Any:
        """Return the faces with keypoints as ``supervision.KeyPoints``.

        Raises:
            ImportError: If supervision is not installed.
            ValueError: If there are several images.
        """
        if len(self.images) > 1:
            raise ValueError(
                f'{len(self.images)} images; supervision.KeyPoints hold one '
                'image. Call result.of(0).to_supervision() for the first image.'
            )
        rows = self.found
        make = _optional('supervision').KeyPoints
        # Renamed in supervision 0.29; version 0.32 removes the old name.
        known = inspect.signature(make).parameters
        name = 'keypoint_confidence'
        return make(
            xy=self.keypoints[rows],
            class_id=np.zeros(int(rows.sum()), int),
            **{name if name in known else 'confidence': self.confidence[rows]},
        )


def coco_annotation(
    number: int,
    image: int,
    box: np.ndarray,
    keypoints: np.ndarray,
    confidence: np.ndarray,
) -> dict[str, Any]:
    """Return one face as a COCO annotation, ready for json.

    The box becomes (x, y, width, height). Every keypoint has the flag 2 (in
    MMPose and COCO: labelled and visible). ``keypoint_scores`` are the
    confidences, ``score`` is their mean.

    Args:
        number (int): ``id`` of the annotation.
        image (int): ``id`` of the image.
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        keypoints (np.ndarray): (x, y) in pixels, (K, 2).
        confidence (np.ndarray): In [0, 1], (K,).
    """
    x1, y1, x2, y2 = box.tolist()
    flags = np.full((len(keypoints), 1), 2.0)
    points = np.hstack((keypoints.astype(float), flags))
    return dict(
        id=number,
        image_id=image,
        category_id=1,
        bbox=[x1, y1, x2 - x1, y2 - y1],
        area=(x2 - x1) * (y2 - y1),
        iscrowd=0,
        num_keypoints=len(keypoints),
        keypoints=points.ravel().tolist(),
        keypoint_scores=confidence.astype(float).tolist(),
        score=float(confidence.mean()),
    )


def coco_categories(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return COCO's categories: one, a face with these keypoints."""
    return [dict(id=1, name='face', keypoints=list(names), skeleton=[])]


def _optional(name: str) -> Any:
    """Import an optional package."""
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f'{name} is not installed; install it, or use the arrays of the result.'
        ) from error
