"""The One-Euro filter: it removes jitter and follows fast motion with little lag.

Casiez, Roussel, Vogel: 1 Euro filter, a simple speed-based low-pass filter
for noisy input in interactive systems (CHI 2012).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

# The third difference of white noise of one standard deviation, in two dimensions:
# the root of 1 + 9 + 9 + 1, times the mean length of a normal vector.
THIRD = 20**0.5 * (math.pi / 2) ** 0.5
MEMORY = 0.5  # time constant of the estimate of the noise, in seconds


class FilteredFace(NamedTuple):
    """Keypoints of a face, before or after a filter.

    Attributes:
        keypoints: (x, y) in pixels, float64 (K, 2).
        confidence: In [0, 1], float64 (K,).
        covariance: In squared pixels, float64 (K, 2, 2).
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    covariance: np.ndarray


def check_time(time: float, last: float) -> float:
    """Return the seconds since the last frame.

    Raises:
        ValueError: If the time is not a finite number after the last one.
    """
    if not math.isfinite(time) or not time > last:
        raise ValueError(
            f'a frame at {time} s after one at {last} s; give frames in order of '
            'time, each with a later time stamp in seconds.'
        )
    return time - last


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

    Other than in the paper, speed counts only beyond a threshold: ``rest``, or the
    speed that noise seems to have, if that is more. The noise of a keypoint is
    measured by its third differences in time, which motion hardly changes.
    So the filter may be fast in motion and is calm at rest. With ``rest`` and
    ``noise`` of 0 it is that of the paper.

    Args:
        cutoff (float): Cut-off frequency of a keypoint at rest, in Hz, above 0.
            A lower value gives less jitter. Defaults to 1.
        slope (float): Rise of the cut-off frequency, in Hz per (face size per
            second), at least 0. A higher value gives less lag. Defaults to 160.
        speed_cutoff (float): Cut-off frequency of the filter of the speed, in
            Hz, above 0. Defaults to 5.
        rest (float): Speed that counts as rest, in face sizes per second, at least
            0. Defaults to 0.04.
        noise (float): Threshold of the speed in standard deviations of the noise
            per frame, at least 0. Defaults to 3.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        cutoff: float = 1.0,
        slope: float = 160.0,
        speed_cutoff: float = 5.0,
        rest: float = 0.04,
        noise: float = 3.0,
    ) -> None:
        least = min(slope, rest, noise)
        if not (cutoff > 0 and speed_cutoff > 0 and least >= 0):
            raise ValueError(
                f'cutoff={cutoff}, slope={slope}, speed_cutoff='
                f'{speed_cutoff}, rest={rest}, noise={noise}; give frequencies above '
                '0, and others of at least 0.'
            )
        self.cutoff = cutoff
        self.slope = slope
        self.speed_cutoff = speed_cutoff
        self.rest = rest
        self.noise = noise
        self.time = -math.inf
        self.face: FilteredFace | None = None
        self.position: np.ndarray | None = None
        self.velocity: np.ndarray | float = 0.0
        self.raw: list[np.ndarray] = []  # the last four frames, not filtered
        self.deviation: np.ndarray | float = 0.0  # of the noise, in face sizes, (K, 1)

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
        return self._filter(np.asarray(keypoints, float), time, size)[0]

    def smooth(self, face: FilteredFace, time: float, size: float) -> FilteredFace:
        """Filter keypoints, confidence and covariance with the same weights.

        Args:
            face (FilteredFace): The prediction for the next frame.
            time (float): As in a call.
            size (float): As in a call.

        Raises:
            ValueError: If the time is not later than that of the last frame.
        """
        points, weight = self._filter(np.asarray(face.keypoints, float), time, size)
        confidence = np.asarray(face.confidence, float)
        covariance = np.asarray(face.covariance, float)
        if self.face is not None:
            last = self.face
            confidence = last.confidence + weight * (confidence - last.confidence)
            covariance = last.covariance + weight[:, None, None] * (
                covariance - last.covariance
            )
        self.face = FilteredFace(points, confidence, covariance)
        return self.face

    def _filter(
        self, keypoints: np.ndarray, time: float, size: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the filtered keypoints and the weight of each new one, (K,)."""
        seconds = check_time(time, self.time)
        self.time = time
        self._watch(keypoints, seconds, size)
        if self.position is None:
            self.position = keypoints
            return keypoints, np.ones(len(keypoints))
        velocity = (keypoints - self.position) / seconds
        weight = smoothing(self.speed_cutoff, seconds)
        self.velocity = weight * velocity + (1 - weight) * self.velocity
        speed = np.linalg.norm(self.velocity, axis=-1, keepdims=True) / size
        rest = np.maximum(self.rest, self.noise * self.deviation / seconds)
        speed = np.maximum(speed - rest, 0.0)
        weight = smoothing(self.cutoff + self.slope * speed, seconds)
        self.position = weight * keypoints + (1 - weight) * self.position
        return self.position, weight[:, 0]

    def _watch(self, keypoints: np.ndarray, seconds: float, size: float) -> None:
        """Estimate the noise of each keypoint."""
        self.raw = [*self.raw[-3:], keypoints]
        if len(self.raw) < 4:
            return
        lengths = np.linalg.norm(np.diff(np.array(self.raw), 3, axis=0)[0], axis=-1)
        found = lengths[:, None] / (THIRD * size)
        first = np.ndim(self.deviation) == 0
        weight = 1.0 if first else 1 - math.exp(-seconds / MEMORY)
        self.deviation = self.deviation + weight * (found - self.deviation)
