"""Labels of faces as arrays, and how well boxes fit keypoints and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Fraction of a box that may be outside the image on one side, in the order of the
# file and in another order.
LEAVES, INSIDE = 0.35, 0.1
CORNERS = 'x1, y1, x2, y2'


class Fit(NamedTuple):
    """How well N boxes fit keypoints and images.

    Attributes:
        possible: Mask of the boxes that hold half of the keypoints and lie mostly
            in the image.
        good: Mask of those that hold nearly all keypoints near their middle.
        inside: Mask of those that hardly leave the image.
        held: Fraction of the labelled keypoints in the box, (N,).
        off: Distances in x and y from the middle of the keypoints to that of the
            box, as fractions of the box, (N, 2); infinite for an empty box.
    """

    possible: np.ndarray
    good: np.ndarray
    inside: np.ndarray
    held: np.ndarray
    off: np.ndarray


class Labels(NamedTuple):
    """Labels of N faces with K keypoints each.

    Attributes:
        images: Names of the images, one per face.
        sizes: Width and height of the images in pixels, (N, 2); 0 if unknown.
        points: Keypoints (x, y) in pixels, (N, K, 2).
        labelled: Mask of the labelled keypoints, bool (N, K).
        boxes: The four numbers of ``bbox`` in the file, (N, 4); NaN for a face
            without a box.
    """

    images: Sequence[str]
    sizes: np.ndarray
    points: np.ndarray
    labelled: np.ndarray
    boxes: np.ndarray

    @classmethod
    def of_face(
        cls,
        image: str,
        size: Sequence[float],
        points: np.ndarray,
        labelled: np.ndarray | None = None,
    ) -> Labels:
        """Return the labels of a face without a box.

        Args:
            image (str): Name of the image.
            size (Sequence[float]): Its width and height.
            points (np.ndarray): Keypoints, (K, 2).
            labelled (np.ndarray, optional): Mask (K,). Defaults to all.
        """
        mask = np.ones(len(points), bool) if labelled is None else labelled
        box = np.full((1, 4), np.nan)
        return cls([image], np.array([size], float), points[None], mask[None], box)

    @property
    def known(self) -> np.ndarray:
        """Mask of the faces whose image has a known size, bool (N,)."""
        return np.all(self.sizes > 0, axis=1)

    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners (N, 2) of the labelled keypoints; 0 without any."""
        mask = self.labelled[..., None]
        low = np.where(mask, self.points, np.inf).min(1)
        high = np.where(mask, self.points, -np.inf).max(1)
        some = np.any(self.labelled, axis=1, keepdims=True)
        return np.where(some, low, 0), np.where(some, high, 0)

    def held(self, corners: np.ndarray, more: float) -> np.ndarray:
        """Return the fraction of the labelled keypoints in boxes, (N,).

        Args:
            corners (np.ndarray): Boxes (x1, y1, x2, y2), (N, 4).
            more (float): Fraction of its side by which a box grows on each side.
        """
        reach = more * (corners[:, 2:] - corners[:, :2])
        low, high = corners[:, :2] - reach, corners[:, 2:] + reach
        inside = (self.points >= low[:, None]) & (self.points <= high[:, None])
        count = np.maximum(self.labelled.sum(1), 1)
        return (inside.all(-1) & self.labelled).sum(1) / count

    def fit(self, corners: np.ndarray) -> Fit:
        """Measure how well boxes (x1, y1, x2, y2), (N, 4), fit."""
        sides = corners[:, 2:] - corners[:, :2]
        real = (sides > 0).all(1)
        sides = np.where(sides > 0, sides, np.nan)
        held = self.held(corners, 0.05)
        low, high = self.extent()
        off = abs(low + high - corners[:, :2] - corners[:, 2:]) / 2 / sides
        mostly = real & ~leaves_image(corners, self.sizes)
        return Fit(
            mostly & (held >= 0.5),
            mostly & (held >= 0.9) & (off <= 0.2).all(1),
            ~leaves_image(corners, self.sizes, INSIDE),
            held,
            np.where(real[:, None], off, np.inf),
        )


def leaves_image(
    corners: np.ndarray, sizes: np.ndarray, limit: float = LEAVES
) -> np.ndarray:
    """Return which boxes leave their image by more than a part of their side.

    Args:
        corners (np.ndarray): Boxes (x1, y1, x2, y2), (N, 4).
        sizes (np.ndarray): Width and height of their images, (N, 2); 0 if unknown.
        limit (float): The largest part that may be outside on one side.
    """
    over = np.maximum(-corners[:, :2], corners[:, 2:] - sizes)
    known = (sizes > 0).all(1)
    return known & (over > limit * (corners[:, 2:] - corners[:, :2])).any(1)


def corners_of(boxes: np.ndarray) -> np.ndarray:
    """Convert COCO's x, y, width, height to corners, (N, 4)."""
    return np.hstack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))


def other_orders(boxes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the corners (N, 4) of boxes whose four numbers have another meaning."""
    half = boxes[:, 2:] / 2
    return {
        CORNERS: boxes,
        'x2, y2, x1, y1': boxes[:, [2, 3, 0, 1]],
        'x1, x2, y1, y2': boxes[:, [0, 2, 1, 3]],
        'y, x, height, width (or with x and y of the keypoints swapped)': corners_of(
            boxes[:, [1, 0, 3, 2]]
        ),
        'x and y of the centre, width, height': np.hstack(
            (boxes[:, :2] - half, boxes[:, :2] + half)
        ),
    }
