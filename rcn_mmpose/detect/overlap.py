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


def drop_doubles(boxes: np.ndarray, sureness: np.ndarray) -> np.ndarray:
    """Leave out boxes of a face that a surer box holds already.

    Two boxes are of one face if they share more than 30 % of their union, or
    60 % of the smaller one.

    Args:
        boxes (np.ndarray): (x1, y1, x2, y2), of shape (N, 4); none is empty.
        sureness (np.ndarray): The larger the surer, (N,).

    Returns:
        np.ndarray: The boxes kept, in their order, (M, 4).
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    kept: list[int] = []
    for i in np.argsort(-sureness, kind='stable').tolist():
        part = overlap(boxes[i], boxes[kept])
        shared = part / (1 + part) * (areas[i] + areas[kept])
        smaller = np.minimum(areas[i], areas[kept])
        if not ((part > 0.3) | (shared > 0.6 * smaller)).any():
            kept.append(i)
    return boxes[sorted(kept)]
