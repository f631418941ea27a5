"""The pose of the head and the perspective camera in front of it."""

from typing import NamedTuple

import numpy as np

YAW, PITCH, ROLL = 45.0, 25.0, 30.0


class Camera(NamedTuple):
    """A perspective camera. The head turns; the camera does not move.

    Attributes:
        rotation (np.ndarray): From the head's frame to the camera's, both x
            right, y down, z to the viewer, (3, 3).
        distance (float): Distance to the head's origin, in eye distances.
        scale (float): Pixels per eye distance at the head's origin.
        centre (np.ndarray): Pixel of the head's origin, (2,).
    """

    rotation: np.ndarray
    distance: float
    scale: float
    centre: np.ndarray

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points of the head's frame.

        Args:
            points (np.ndarray): (N, 3).

        Returns:
            np.ndarray: Pixel x, pixel y and depth z towards the viewer in
            eye distances, (N, 3).
        """
        turned = np.asarray(points) @ self.rotation.T
        zoom = self.scale * self.distance / (self.distance - turned[:, 2:])
        flat = turned[:, :2] * zoom + self.centre
        return np.concatenate((flat, turned[:, 2:]), 1)

    def rays(self, box: tuple[int, int, int, int], step: int = 1) -> tuple:
        """Return the rays of a box of pixels, in the head's frame.

        Args:
            box (tuple): x1, y1, x2, y2; x2 and y2 are not included.
            step (int): Pixels between neighbouring rays.

        Returns:
            tuple[np.ndarray, np.ndarray]: ``start`` and ``slope``, (3, H, W)
            each, float32; the point at depth z is ``start + z * slope``.
        """
        x1, y1, x2, y2 = box
        u = (np.arange(x1, x2, step) - self.centre[0]) / self.scale
        v = (np.arange(y1, y2, step) - self.centre[1]) / self.scale
        r = self.rotation.astype(np.float32)
        u = u.astype(np.float32)[None]
        v = v.astype(np.float32)[:, None]
        # The inverse of a rotation is its transpose.
        start = np.stack([r[0, k] * u + r[1, k] * v for k in range(3)])
        slope = start * np.float32(-1 / self.distance) + r[2][:, None, None]
        return start, slope


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation matrix of the head.

    Args:
        yaw (float): Degrees; positive turns the nose to the image's right.
        pitch (float): Degrees; positive turns the nose down.
        roll (float): Degrees; positive tilts the head clockwise.

    Returns:
        np.ndarray: Matrix (3, 3).
    """
    a, b, c = np.radians((yaw, pitch, roll))
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return tilt @ nod @ turn


def draw_pose(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a random pose within +-45 (yaw), +-25 (pitch), +-30 degrees (roll).

    Three poses in five are nearly frontal, as in photographs. The others are
    uniform over the ranges.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        tuple[float, float, float]: Degrees.
    """
    even = rng.uniform(-1, 1, 3)
    near = np.clip(rng.normal(0, (0.4, 0.35, 0.25)), -1, 1)
    pose = np.where(rng.random() < 0.4, even, near) * (YAW, PITCH, ROLL)
    return tuple(pose.tolist())
