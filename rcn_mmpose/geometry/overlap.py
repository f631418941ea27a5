"""Overlap of boxes: intersection over union, duplicates, and matching."""

from __future__ import annotations

import numpy as np

# Smallest intersection over union of a face and its box, as in PASCAL VOC.
LEAST_OVERLAP = 0.5


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union (IoU) of a box with other boxes.

    Args:
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        others (np.ndarray): Boxes with an area, (N, 4).

    Returns:
        np.ndarray: In [0, 1], (N,).
    """
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = (others[:, 2:] - others[:, :2]).prod(-1)
    return shared / (areas + (box[2:] - box[:2]).prod() - shared)


def drop_duplicates(boxes: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Drop duplicate boxes of a face; the most confident box stays.

    Two boxes are duplicates if they share more than 30 % of their union, or
    60 % of the smaller box.

    Args:
        boxes (np.ndarray): (x1, y1, x2, y2) with an area, of shape (N, 4).
        confidence (np.ndarray): Of any scale, (N,).

    Returns:
        np.ndarray: The boxes kept, in their order, (M, 4).
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    kept: list[int] = []
    for i in np.argsort(-confidence, kind='stable').tolist():
        part = overlap(boxes[i], boxes[kept])
        shared = part / (1 + part) * (areas[i] + areas[kept])
        smaller = np.minimum(areas[i], areas[kept])
        if not ((part > 0.3) | (shared > 0.6 * smaller)).any():
            kept.append(i)
    return boxes[sorted(kept)]


def match_boxes(
    true: np.ndarray, found: np.ndarray, least: float = LEAST_OVERLAP
) -> list[int | None]:
    """Match detected boxes to faces, each at most once.

    The pair with the largest intersection over union is matched first.

    Args:
        true (np.ndarray): Boxes of the N faces of an image, (x1, y1, x2,
            y2) with an area, (N, 4).
        found (np.ndarray): A detector's boxes of that image, (M, 4).
        least (float): Threshold of the intersection over union; a pair below
            it does not match. Defaults to 0.5.

    Returns:
        list[int | None]: For each face the index of its box, or None for a
        missed face.
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
