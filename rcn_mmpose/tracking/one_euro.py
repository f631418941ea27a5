"""The One-Euro filter: it removes jitter and follows fast motion with little lag.

Casiez, Roussel, Vogel: 1 Euro filter, a simple speed-based low-pass filter
for noisy input in interactive systems (CHI 2012).
"""

from __future__ import annotations

import math

import numpy as np


def smoothing(cutoff: np.ndarray | float, seconds: float) -> np.ndarray:
    """Return the weight of a new value in a first-order low-pass filter.

    Args:
        cutoff (np.ndarray | float): Cut-off frequency in Hz, above 0.
        seconds (float): Time since the last value, above 0.

    Returns:
        np.ndarray: The weight, in (0, 1) (equations 3 and 4 of the paper).
    """
    tau = 1 / (2 * math.pi * np.asarray(cutoff, float))
    return 1 / (1 + tau / seconds)


class OneEuroFilter:
    """Filters the keypoints of one face.

    Each keypoint has its own cut-off frequency, which rises with the speed of
    the keypoint: ``cutoff + slope * speed`` (equation 5 of the paper). The unit
    of speed is face sizes per second, so that the same options suit faces of
    any size.

    Args:
        cutoff (float): Cut-off frequency of a keypoint at rest, in Hz, above 0.
            A lower value gives less jitter. Defaults to 1.
        slope (float): Rise of the cut-off frequency, in Hz per (face size per
            second), at least 0. A higher value gives less lag. Defaults to 10.
        speed_cutoff (float): Cut-off frequency of the filter of the speed, in
            Hz, above 0. Defaults to 1, the value of the paper.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        cutoff: float = 1.0,
        slope: float = 10.0,
        speed_cutoff: float = 1.0,
    ) -> None:
        if not (cutoff > 0 and slope >= 0 and speed_cutoff > 0):
            raise ValueError(
                f'cutoff={cutoff}, slope={slope}, speed_cutoff='
                f'{speed_cutoff}; give frequencies above 0 and a slope of at '
                'least 0.'
            )
        self.cutoff = cutoff
        self.slope = slope
        self.speed_cutoff = speed_cutoff
        self.time = -math.inf
        self.position: np.ndarray | None = None
        self.velocity: np.ndarray | float = 0.0

    def __call__(self, keypoints: np.ndarray, time: float, size: float) -> np.ndarray:
        """Filter the keypoints of the next frame.

        Args:
            keypoints (np.ndarray): (x, y) in pixels, finite, (K, 2).
            time (float): Time of the frame in seconds, later than that of the
                last frame.
            size (float): Side of the face in pixels, above 0.

        Returns:
            np.ndarray: Filtered keypoints, float64 (K, 2). The keypoints of the
            first frame are not changed.

        Raises:
            ValueError: If the time is not later than that of the last frame.
        """
        keypoints = np.asarray(keypoints, float)
        seconds, self.time = time - self.time, time
        if not seconds > 0:
            raise ValueError(
                f'a frame at {time} s, {-seconds} s before the last frame; give '
                'frames in order of time.'
            )
        if self.position is None:
            self.position = keypoints
            return keypoints
        velocity = (keypoints - self.position) / seconds
        weight = smoothing(self.speed_cutoff, seconds)
        self.velocity = weight * velocity + (1 - weight) * self.velocity
        speed = np.linalg.norm(self.velocity, axis=-1, keepdims=True) / size
        weight = smoothing(self.cutoff + self.slope * speed, seconds)
        self.position = weight * keypoints + (1 - weight) * self.position
        return self.position
