"""Keypoint sets and how they relate."""

from __future__ import annotations

import numpy as np

FIVE_NAMES = (
    'left_eye',
    'right_eye',
    'nose_tip',
    'left_mouth_corner',
    'right_mouth_corner',
)


def five_from_68(keypoints: np.ndarray) -> np.ndarray:
    """Reduce 300W's 68 keypoints to MTFL's five.

    An eye's centre is the mean of its six keypoints; the nose tip and the
    mouth corners are keypoints themselves.

    Args:
        keypoints (np.ndarray): Positions (x, y), of shape (68, 2).

    Returns:
        np.ndarray: Of shape (5, 2).
    """
    return np.stack(
        (
            keypoints[36:42].mean(0),
            keypoints[42:48].mean(0),
            keypoints[30],
            keypoints[48],
            keypoints[54],
        )
    )
