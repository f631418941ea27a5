"""Detections: the faces of an image as a detector returns them.

A detector may return boxes alone, (N, 4). :class:`Detections` adds the score, five
points and the roll of each face. :func:`as_detections` accepts both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..image.reading import as_boxes, boxes_of_images


@dataclass(frozen=True, eq=False)
class Detections:
    """N faces of an image.

    ``len()`` returns N, iteration yields boxes, and ``np.asarray()`` returns the
    boxes, so detections replace an array of boxes. The constructor checks nothing;
    :meth:`of` checks the shapes and fills in unknown values.

    Attributes:
        boxes: (x1, y1, x2, y2) in pixels, float64 (N, 4). The crop has the centre
            and the longer side of the box.
        scores: Score of the detector, float64 (N,); NaN if it is unknown.
        points: Left eye, right eye, nose tip, left and right mouth corner, as in
            MTFL, (x, y) in pixels, float64 (N, 5, 2); None if they are unknown.
        roll: In-plane rotation of the face in degrees, float64 (N,): 0 for an
            upright face, positive clockwise as the image is seen, so that the eyes
            lie on a line that falls to the right. The crop is rotated by the roll
            about the centre of the box, which is given as if the face were upright.
            :class:`~rcn_mmpose.image.crop.Squares` has the same sign.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray | None
    roll: np.ndarray

    @classmethod
    def of(
        cls,
        boxes: Any,
        scores: Any = None,
        points: Any = None,
        roll: Any = None,
        where: str = '',
    ) -> Detections:
        """Make detections of boxes and of what else is known.

        Args:
            boxes: N boxes (x1, y1, x2, y2), or a single one.
            scores: (N,). Defaults to NaN.
            points: (N, 5, 2). Defaults to None.
            roll: Degrees, (N,). Defaults to 0.
            where (str): Name of the image, for the error message.

        Raises:
            ValueError: If a shape is wrong, or a roll is not finite.
        """
        array = as_boxes(boxes, where)
        count = len(array)
        turned = _column(roll, 'roll', (count,), where)
        if turned is None:
            turned = np.zeros(count)
        if not np.isfinite(turned).all():
            raise ValueError(f'roll={roll!r:.200}{where}; give finite degrees.')
        known = _column(scores, 'scores', (count,), where)
        if known is None:
            known = np.full(count, np.nan)
        return cls(
            array, known, _column(points, 'points', (count, 5, 2), where), turned
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.boxes)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the boxes, (4,) each."""
        return iter(self.boxes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the boxes."""
        if copy:
            return np.array(self.boxes, dtype)
        return np.asarray(self.boxes, dtype)

    def __getitem__(self, rows: Any) -> Any:
        """Return some of the faces for a slice, a mask (N,) or a list of integers.

        An integer or a tuple selects from the boxes, as from an array.
        """
        if isinstance(rows, (int, np.integer, tuple)):
            return self.boxes[rows]
        points = None if self.points is None else self.points[rows]
        return Detections(self.boxes[rows], self.scores[rows], points, self.roll[rows])


def _column(
    value: Any, name: str, shape: tuple[int, ...], where: str
) -> np.ndarray | None:
    """Return a field as float64 of a shape, or None if it is None."""
    if value is None:
        return None
    found = np.asarray(value, np.float64)
    if found.shape != shape:
        raise ValueError(
            f'{name} of shape {found.shape} for {shape[0]} boxes{where}; give {shape}.'
        )
    return found


def as_detections(value: Any, where: str = '') -> Detections:
    """Return what a detector returned as checked detections.

    Args:
        value: Boxes (N, 4), or :class:`Detections`.
        where (str): Name of the image, for the error message.

    Raises:
        ValueError: If a shape is wrong, or a roll is not finite.
    """
    if isinstance(value, Detections):
        return Detections.of(value.boxes, value.scores, value.points, value.roll, where)
    return Detections.of(value, where=where)


def detections_of_images(boxes: Any, count: int, alone: bool) -> list[Detections]:
    """Return the given boxes of each image as detections.

    Args:
        boxes: One entry for each image: boxes or :class:`Detections`.
        count (int): Number of images.
        alone (bool): Whether the caller gave a single image, not a list.

    Raises:
        ValueError: If the boxes do not match the images.
    """
    if isinstance(boxes, Detections):  # one face for each image
        boxes = [boxes[i : i + 1] for i in range(len(boxes))]
    elif not hasattr(boxes, '__len__'):
        boxes = list(boxes)
    arrays = boxes_of_images(boxes, count, alone)
    return [
        as_detections(entry if isinstance(entry, Detections) else array)
        for entry, array in zip(boxes, arrays, strict=True)
    ]
