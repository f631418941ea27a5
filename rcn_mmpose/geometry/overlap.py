"""Overlap of boxes: intersection over union, duplicates, and matching."""
# DOCS How much two boxes share.
# DOCS
# DOCS Which detected box belongs to which face.

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


# A box and a face share this part of their union at least, as in PASCAL VOC.
LEAST_OVERLAP = 0.5


def match_boxes(
    true: np.ndarray, found: np.ndarray, least: float = LEAST_OVERLAP
) -> list[int | None]:
    """Give each face the box that overlaps it most, and each box one face.

    The pair that shares the largest part of its union comes first.

    Args:
        true (np.ndarray): Boxes of the N faces of an image, (x1, y1, x2,
            y2), none empty, (N, 4).
        found (np.ndarray): A detector's boxes of that image, (M, 4).
        least (float): Intersection over union below which a box belongs to
            another face, or to none. Defaults to 0.5.

    Returns:
        list[int | None]: For each face its box, or None for one that is
        missed.
    """
    matches: list[int | None] = [None] * len(true)
    pairs = sorted(
        (-share, face, box)
        for face, corners in enumerate(true)
        for box, share in enumerate(overlap(corners, found).tolist())
        if share >= least
    )
    taken = set()
    for _, face, box in pairs:
        if matches[face] is None and box not in taken:
            matches[face] = box
            taken.add(box)
    return matches
