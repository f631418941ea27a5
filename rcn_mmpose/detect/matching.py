"""Which detected box belongs to which face."""

from __future__ import annotations

import numpy as np

from .overlap import overlap

# A box and a face share this part of their union at least, as in PASCAL VOC.
LEAST_OVERLAP = 0.5


def match_boxes(
    true: np.ndarray, found: np.ndarray, least: float = LEAST_OVERLAP
) -> list[int | None]:
    """Give each face the box that overlaps it most, and each box one face.

    The pair that shares the largest part of its union comes first.

    Args:
        true (np.ndarray): Boxes of the N faces of a picture, (x1, y1, x2,
            y2), none empty, (N, 4).
        found (np.ndarray): A detector's boxes of that picture, (M, 4).
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
