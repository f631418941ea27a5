"""Area under the ROC curve of a keypoint score, with a bootstrap interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Area(NamedTuple):
    """Area under the receiver operating characteristic (ROC) with its interval.

    Attributes:
        area (float): The probability that a positive scores higher than a
            negative, where equal scores count half; 0.5 for chance.
        low (float): Lower end of its 95 % interval.
        high (float): Upper end.
        positive (int): Number of positives.
        negative (int): Number of negatives.
    """

    area: float
    low: float
    high: float
    positive: int
    negative: int


def area_under_roc(
    score: np.ndarray,
    positive: np.ndarray,
    counts: np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Area:
    """Measure how well a score finds the positives.

    The interval is a percentile bootstrap (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 13). Faces are drawn with
    replacement; the keypoints of a face stay together, because they are not
    independent.

    Args:
        score (np.ndarray): Higher for positives, (N, K), N faces.
        positive (np.ndarray): Bool (N, K).
        counts (np.ndarray, optional): Whether each keypoint counts, bool
            (N, K). Defaults to all keypoints.
        resamples (int): Number of times N faces are drawn. Defaults to 2,000.
        seed (int): Seed of the random draws. Defaults to 0.

    Returns:
        Area: Area and interval.

    Raises:
        ValueError: If there is no positive, or no negative.
    """
    if counts is None:
        counts = np.ones(score.shape, bool)
    face = np.nonzero(counts)[0]
    score, positive = score[counts], positive[counts]
    found = int(positive.sum()), int((~positive).sum())
    if not all(found):
        raise ValueError(
            f'{found[0]} positives and {found[1]} negatives; an area needs '
            'at least one of each.'
        )
    order = np.argsort(score, kind='stable')
    score, positive, face = score[order], positive[order], face[order]
    # equal scores form one step of the curve
    ends = np.flatnonzero(np.append(np.diff(score) > 0, True))

    def area(weights: np.ndarray) -> float:
        below = np.cumsum(weights * ~positive)[ends]
        hits = np.diff(np.cumsum(weights * positive)[ends], prepend=0)
        middle = (below + np.append(0, below[:-1])) / 2
        pairs = below[-1] * hits.sum()
        return float((hits * middle).sum() / pairs) if pairs else np.nan

    random = np.random.default_rng(seed)
    faces = len(counts)
    drawn = [
        area(np.bincount(random.integers(faces, size=faces), None, faces)[face])
        for _ in range(resamples)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Area(area(np.ones(len(face))), float(low), float(high), *found)


def area_within(score: np.ndarray, positive: np.ndarray, counts: np.ndarray) -> float:
    """Average the areas of each of the K keypoints, such as the nose tip.

    Some keypoints have higher scores than others and are hidden more often.
    This alone raises the area over all keypoints together.

    Args:
        score (np.ndarray): Higher for positives, (N, K).
        positive (np.ndarray): Bool (N, K).
        counts (np.ndarray): Whether each keypoint counts, bool (N, K).

    Returns:
        float: Mean of the K areas, weighted by the number of pairs of a positive
        and a negative; NaN if there is no pair.
    """
    areas, pairs = [0.0], [0]
    for k in range(score.shape[1]):
        kind = positive[counts[:, k], k]
        if kind.any() and not kind.all():
            column = slice(k, k + 1)
            areas.append(
                area_under_roc(
                    score[:, column],
                    positive[:, column],
                    counts[:, column],
                    resamples=1,
                ).area
            )
            pairs.append(int(kind.sum() * (~kind).sum()))
    total = sum(pairs)
    return float(np.dot(areas, pairs) / total) if total else float('nan')
