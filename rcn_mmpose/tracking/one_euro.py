"""The One-Euro filter: calm points that still follow fast moves.

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
        seconds (float): Since the last value, above 0.

    Returns:
        np.ndarray: In (0, 1) (their equations 3 and 4).
    """
    tau = 1 / (2 * math.pi * np.asarray(cutoff, float))
    return 1 / (1 + tau / seconds)


class OneEuroFilter:
    """Filters the keypoints of one face.

    Each keypoint has a cut-off frequency of its own, which rises with its
    speed: ``cutoff + slope * speed`` (their equation 5). Speed is taken in
    face sizes per second, so that the same options suit any image.

    Args:
        cutoff (float): Of a keypoint at rest, in Hz, above 0; lower for less
            trembling. Defaults to 1.
        slope (float): How the cut-off rises, in Hz by face sizes a second, at
            least 0; higher for less lag. Defaults to 10.
        speed_cutoff (float): Of the speed, in Hz, above 0. Defaults to 1, the
            authors'.

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
            time (float): Of the frame in seconds, later than the last one.
            size (float): Side of the face in pixels, above 0.

        Returns:
            np.ndarray: Filtered, float64 (K, 2); the first ones as they are.

        Raises:
            ValueError: If time does not go on.
        """
        keypoints = np.asarray(keypoints, float)
        seconds, self.time = time - self.time, time
        if not seconds > 0:
            raise ValueError(
                f'a frame at {time} s, {-seconds} s before the last one; give '
                'frames in their order.'
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
