"""A Kalman filter of keypoints: still where the face is still, no lag where it moves.

Each keypoint has a position and a velocity (a constant-velocity model). The network
tells how uncertain each keypoint is by its covariance; a part of it counts as noise of
the measurement. The share of the prediction falls when the whole face surprises: then
the face moves, and the filter follows the measurement.

The tracker does not use it: the One-Euro filter with a threshold of the speed is
steadier at rest for the same error in motion (``tools/analysis_tools/video.py``).
"""

from __future__ import annotations

import math

import numpy as np

from ...tracking.one_euro import FilteredFace, check_time


class KalmanFilter:
    """Filters the keypoints of one face.

    Args:
        noise (float): Standard deviation of the measurement as a part of the
            network's, above 0. A higher value gives less jitter.
        agility (float): Standard deviation of the acceleration of a keypoint, in
            face sizes per squared second, above 0. A higher value gives less lag.
        surprise (float): How many standard deviations the whole face may move
            against the prediction before the filter opens, above 0.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self, noise: float = 0.15, agility: float = 1.0, surprise: float = 1.0
    ) -> None:
        if not (0 < noise < math.inf and 0 < agility < math.inf and surprise > 0):
            raise ValueError(
                f'noise={noise}, agility={agility}, surprise={surprise}; give finite '
                'numbers above 0.'
            )
        self.noise = noise
        self.agility = agility
        self.surprise = surprise
        self.time = -math.inf
        self.face: FilteredFace | None = None
        self.velocity = np.zeros((0, 2))
        self.spread = np.zeros((0, 2, 2))  # of position and velocity, (K, 2, 2)

    def smooth(self, face: FilteredFace, time: float, size: float) -> FilteredFace:
        """Filter the keypoints of the next frame.

        Args:
            face (FilteredFace): The prediction of the network.
            time (float): Time of the frame in seconds, later than that of the last
                frame.
            size (float): Side of the face in pixels, above 0.

        Returns:
            FilteredFace: Confidence and covariance are averaged with the weights of
            the positions. The first frame is not changed.

        Raises:
            ValueError: If the time is not later than that of the last frame.
        """
        step = check_time(time, self.time)
        self.time = time
        points = np.asarray(face.keypoints, float)
        trace = np.trace(face.covariance, axis1=-2, axis2=-1) / 2
        # A map with all probability in one cell has no spread.
        measured = self.noise**2 * np.maximum(trace, (1e-3 * size) ** 2)
        if self.face is None:
            self.face = FilteredFace(
                points,
                np.asarray(face.confidence, float),
                np.asarray(face.covariance, float),
            )
            self.velocity = np.zeros_like(points)
            self.spread = np.zeros((len(points), 2, 2))
            self.spread[:, 0, 0] = measured
            self.spread[:, 1, 1] = size**2  # one face size per second
            return self.face
        return self._update(face, points, measured, step, size)

    def _update(
        self,
        face: FilteredFace,
        points: np.ndarray,
        measured: np.ndarray,
        step: float,
        size: float,
    ) -> FilteredFace:
        """Predict, compare with the measurement, and correct."""
        assert self.face is not None
        move = np.array([(1, step), (0, 1)])
        grown = np.array([(step**3 / 3, step**2 / 2), (step**2 / 2, step)])
        spread = move @ self.spread @ move.T
        # A white acceleration; per second, so that a frame rate does not matter.
        spread += grown * (self.agility * size) ** 2 / 30
        predicted = self.face.keypoints + step * self.velocity
        off = points - predicted
        total = spread[:, 0, 0] + measured
        # The mean of all keypoints is steadier than one of them.
        ratio = float((off**2).sum(-1).mean() / (2 * total.mean()))
        common = off.mean(0)
        shared = float(common @ common / (2 * total.mean() / len(points)))
        excess = max(ratio, shared / math.sqrt(len(points))) / self.surprise**2
        if excess > 1:
            spread = spread * excess
            total = spread[:, 0, 0] + measured
        gain = spread[:, :, 0] / total[:, None]
        near = gain[:, :1]
        keypoints = predicted + near * off
        self.velocity = self.velocity + gain[:, 1:] * off
        self.spread = spread - gain[:, :, None] * spread[:, None, 0, :]
        last = self.face
        self.face = FilteredFace(
            keypoints,
            last.confidence + gain[:, 0] * (face.confidence - last.confidence),
            last.covariance
            + near[..., None] * (np.asarray(face.covariance) - last.covariance),
        )
        return self.face
