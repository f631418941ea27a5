"""Rotated squares of an image, and the way back from their crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Keypoints (N, K, 2), confidence (N, K), covariance (N, K, 2, 2)
Prediction = tuple[np.ndarray, np.ndarray, np.ndarray]


def rotation_matrices(degrees: np.ndarray) -> np.ndarray:
    """Return 2x2 rotations.

    In image coordinates, where y points down, a positive angle turns
    clockwise.

    Args:
        degrees (np.ndarray): Angles, (N,).

    Returns:
        np.ndarray: (N, 2, 2), in the float type of the angles.
    """
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack((cos, -sin, sin, cos), -1).reshape(-1, 2, 2)


@dataclass(frozen=True)
class Squares:
    """N squares of an image.

    Attributes:
        centre: (x, y) in pixels of the image, float64 (N, 2).
        side: In pixels, float64 (N,).
        rotation: In degrees, clockwise, float64 (N,).
    """

    centre: np.ndarray
    side: np.ndarray
    rotation: np.ndarray

    @classmethod
    def upright(cls, squares: Sequence[tuple[np.ndarray, float]]) -> Squares:
        """Make upright squares of pairs (centre, side)."""
        count = len(squares)
        centre = np.array([c for c, _ in squares], float).reshape(count, 2)
        side = np.array([s for _, s in squares], float)
        return cls(centre, side, np.zeros(count))

    def __len__(self) -> int:
        """Return N."""
        return len(self.side)

    def take(self, rows: np.ndarray | slice) -> Squares:
        """Return the squares of some rows."""
        return Squares(self.centre[rows], self.side[rows], self.rotation[rows])

    def to_image(self, prediction: Prediction, width: int) -> Prediction:
        """Map the prediction for crops back to the image.

        Args:
            prediction (Prediction): For the N crops, in their pixels.
            width (int): Of a crop in pixels.

        Returns:
            Prediction: Positions in pixels of the image and covariance in
            its squared pixels, both float64. The confidence is unchanged.
        """
        points, confidence, covariance = prediction
        turn = rotation_matrices(self.rotation) * (self.side / width)[:, None, None]
        # The crop's corner (0, 0) is the square's.
        corner = self.centre - turn.sum(-1) * (width / 2)
        points = points @ turn.swapaxes(1, 2) + corner[:, None]
        spread = turn[:, None] @ covariance @ turn[:, None].swapaxes(2, 3)
        return points, confidence, spread
