"""The state of one tracked face, and the check of a frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .squares_of_faces import FaceSquare

STEADY = 0.15  # time constant of the velocity of a face, in seconds


class Track:
    """A face that is tracked.

    Args:
        square (FaceSquare): The square to crop, by a detector.
        filter_ (Any): Filter of its keypoints, or None.
    """

    def __init__(self, square: FaceSquare, filter_: Any) -> None:
        self.number: int | None = None  # None until the first keypoints
        self.square = square
        self.filter = filter_
        self.time = -math.inf  # of the last frame with keypoints
        self.hidden = False
        self.detected = True  # by the detector, in this frame
        self.centre = square.centre  # of the keypoints
        self.velocity = np.zeros(2)  # of the centre, pixels per second
        # Square about the centre, averaged: the last keypoints before a face is
        # hidden are already drawn to the other face.
        self.usual = FaceSquare(np.zeros(2), square.side, square.roll)

    def expected(self, time: float) -> np.ndarray:
        """Return the expected centre of the keypoints."""
        if not math.isfinite(self.time):
            return self.centre
        return self.centre + self.velocity * (time - self.time)

    def square_at(self, time: float) -> FaceSquare:
        """Return the square to crop: a hidden face moves on as it did."""
        if not self.hidden or self.detected:
            return self.square
        shift = self.expected(time) - self.centre
        return FaceSquare(
            self.square.centre + shift, self.square.side, self.square.roll
        )

    def see(self, keypoints: np.ndarray, square: FaceSquare, time: float) -> None:
        """Note where the face is in this frame."""
        centre = keypoints.mean(0)
        step, weight = time - self.time, 1.0
        if math.isfinite(step):
            weight = 1 - math.exp(-step / STEADY)
            if not self.hidden:
                self.velocity += weight * (
                    (centre - self.centre) / step - self.velocity
                )
        last = self.usual
        turned = (square.roll - last.roll + 180) % 360 - 180
        self.usual = FaceSquare(
            last.centre + weight * (square.centre - centre - last.centre),
            last.side + weight * (square.side - last.side),
            last.roll + weight * turned,
        )
        self.centre, self.square, self.time = centre, square, time
        self.hidden = self.detected = False


def check_frame(frame: np.ndarray) -> None:
    """Check that a frame is an image.

    Raises:
        ValueError: If it is not uint8 (H, W) grey or (H, W, 3) BGR.
    """
    shape, kind = getattr(frame, 'shape', None), getattr(frame, 'dtype', None)
    fits = shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))
    if not fits or kind != np.uint8 or not frame.size:
        raise ValueError(
            f'a frame of shape {shape} and type {kind}; give uint8 (H, W) grey or '
            '(H, W, 3) BGR.'
        )
