"""What a predictor returns."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np


class SourceImage(NamedTuple):
    """An image that was asked about.

    Attributes:
        name: Its path, or empty for an array.
        size: Width and height in pixels, (0, 0) if it could not be read.
    """

    name: str
    size: tuple[int, int]


class Failure(NamedTuple):
    """A face, or a whole image, without keypoints.

    Attributes:
        image: Index of the image.
        face: Index of the box in it, or None for all of the image.
        reason: What is wrong and how to mend it.
    """

    image: int
    face: int | None
    reason: str


@dataclass(frozen=True)
class Result:
    """The keypoints of N faces, in the order of images and boxes.

    Pixels count as in MMPose: (0, 0) is the centre of the top-left one.

    Attributes:
        keypoints: Positions (x, y) in pixels of the image, float32
            (N, K, 2). NaN for a face that failed.
        confidence: Probability that the keypoint lies within the model's
            radius of its position, float32 (N, K) in [0, 1]; 0 for a face
            that failed. The radius is 3 of the crop's 80 pixels unless the
            model's config says otherwise.
        covariance: Of the keypoint's probability map, about the map's mean or,
            of a calibrated model, about the keypoint, in squared pixels of
            the image, float32 (N, K, 2, 2). NaN for a face that failed.
        boxes: As they were given or detected, (x1, y1, x2, y2) in pixels,
            float64 (N, 4).
        image_index: The image of each face, int64 (N,).
        images: The images.
        names: Of the K keypoints.
        failures: What failed, and why.
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

    def __len__(self) -> int:
        """Return N, the number of faces."""
        return len(self.keypoints)

    @property
    def found(self) -> np.ndarray:
        """Which faces have keypoints, bool (N,)."""
        return np.isfinite(self.keypoints).all((1, 2))

    def of(self, image: int) -> Result:
        """Return the faces of one image.

        Args:
            image (int): Its index.

        Raises:
            IndexError: If there is no such image.
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
        """Return the faces found as COCO's annotations, ready for json.

        Boxes are (x, y, width, height). Every keypoint has the flag 2 (MMPose
        and COCO: labelled and visible) and, in ``keypoint_scores``, its
        confidence; ``score`` is their mean.
        """
        annotations = []
        for i in np.flatnonzero(self.found):
            x1, y1, x2, y2 = self.boxes[i].tolist()
            flags = np.full((len(self.names), 1), 2.0)
            points = np.hstack((self.keypoints[i].astype(float), flags))
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=int(self.image_index[i]) + 1,
                    category_id=1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1),
                    iscrowd=0,
                    num_keypoints=len(self.names),
                    keypoints=points.ravel().tolist(),
                    keypoint_scores=self.confidence[i].astype(float).tolist(),
                    score=float(self.confidence[i].mean()),
                )
            )
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
            categories=[
                dict(
                    id=1,
                    name='face',
                    keypoints=list(self.names),
                    skeleton=[],
                )
            ],
        )

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``, one row a keypoint of each face.

        Columns: ``image`` and ``face`` (indices), ``file``, ``keypoint``
        (name), ``x``, ``y``, ``confidence``, ``var_x``, ``cov_xy``,
        ``var_y``.

        Raises:
            ImportError: If pandas is not installed.
        """
        pandas = _optional('pandas')
        count = len(self.names)
        # the number of a face in its image: rows of one lie together
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
        """Return the faces found as ``supervision.KeyPoints``.

        Raises:
            ImportError: If supervision is not installed.
            ValueError: If there are several images.
        """
        if len(self.images) > 1:
            raise ValueError(
                f'{len(self.images)} images; supervision.KeyPoints are '
                'those of one. Take result.of(0).to_supervision() and so on.'
            )
        rows = self.found
        make = _optional('supervision').KeyPoints
        # renamed in supervision 0.29, the old name goes in 0.32
        known = inspect.signature(make).parameters
        name = 'keypoint_confidence'
        return make(
            xy=self.keypoints[rows],
            class_id=np.zeros(int(rows.sum()), int),
            **{name if name in known else 'confidence': self.confidence[rows]},
        )


def _optional(name: str) -> Any:
    """Import a package that is no requirement."""
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f'{name} is not installed; install it, or use the arrays of the result.'
        ) from error
