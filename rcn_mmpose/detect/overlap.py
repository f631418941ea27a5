"""How much two boxes share."""

from __future__ import annotations

import numpy as np


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return what a box shares with others: intersection over union.

    Args:
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        others (np.ndarray): The same, (N, 4); none is empty.

    Returns:
        np.ndarray: In [0, 1], (N,).
    """
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = (others[:, 2:] - others[:, :2]).prod(-1)
    return shared / (areas + (box[2:] - box[:2]).prod() - shared)
