"""The squares of images that are cropped, and the way back from crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Keypoints (N, K, 2), confidence (N, K), covariance (N, K, 2, 2)
Prediction = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Squares:
    """N squares.

    Attributes:
        centre: (x, y) in pixels of the image, float64 (N, 2).
        side: In pixels, float64 (N,).
        rotation: In degrees, clockwise as one sees it, float64 (N,).
    """

    centre: np.ndarray
    side: np.ndarray
    rotation: np.ndarray

    @classmethod
    def upright(cls, squares: Sequence[tuple[np.ndarray, float]]) -> Squares:
        """Make them of pairs of centre and side."""
        count = len(squares)
        centre = np.array([c for c, _ in squares], float).reshape(count, 2)
        side = np.array([s for _, s in squares], float)
        return cls(centre, side, np.zeros(count))

    def __len__(self) -> int:
        """Return N."""
        return len(self.side)

    def take(self, rows: np.ndarray | slice) -> Squares:
        """Return some of them."""
        return Squares(self.centre[rows], self.side[rows], self.rotation[rows])

    def to_image(self, prediction: Prediction, width: int) -> Prediction:
        """Bring what was predicted of their crops back to the image.

        Args:
            prediction (Prediction): Of the N crops, in their pixels.
            width (int): Of a crop in pixels.

        Returns:
            Prediction: Positions in pixels of the image, covariance in
            squared pixels of it; float64. The confidence is as it was.
        """
        points, confidence, covariance = prediction
        turn = self._turns() * (self.side / width)[:, None, None]
        # the crop's corner (0, 0) is the square's
        corner = self.centre - turn.sum(-1) * (width / 2)
        points = points @ turn.swapaxes(1, 2) + corner[:, None]
        spread = turn[:, None] @ covariance @ turn[:, None].swapaxes(2, 3)
        return points, confidence, spread

    def _turns(self) -> np.ndarray:
        """Return the maps from directions in crops to those in images."""
        angle = np.radians(self.rotation)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.stack((cos, -sin, sin, cos), -1).reshape(-1, 2, 2)
