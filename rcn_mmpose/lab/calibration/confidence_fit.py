"""Fit the calibration of confidence and covariance, and score it.

Two numbers are fitted on validation faces:

- The temperature minimises the logarithmic loss of the confidence. The event is
  that the truth lies within the radius of the codec.
- The scale of the covariance makes the 90 % ellipses hold 90 % of the truths. It
  is the 90 % quantile of the squared Mahalanobis distance, divided by the quantile
  of the chi-square distribution with two degrees of freedom (as in split conformal
  prediction; Angelopoulos and Bates, A Gentle Introduction to Conformal
  Prediction, 2021, section 2).

:func:`~rcn_mmpose.lab.calibration.confidence_fit.held_out` fits on one half of the
faces and scores the other half. The score shows how well the calibration holds for
new faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...codecs.calibration import FLOOR, Calibration
from .map_statistics import TEMPERATURES, UNIT, MapStatistics
from .reliability import BINS, Bins, equal_bins, log_loss

LEVELS = (0.5, 0.9, 0.95)
FITTED = 0.9  # the level that the scale is fitted for
GROUPS = 5  # groups of ellipses by size
FEWEST = 20  # faces
HALVINGS = 20


class Outcomes(NamedTuple):
    """Confidence and ellipses of M labelled keypoints, and where the truth lies.

    Attributes:
        confidence (np.ndarray): In [0, 1], (M,).
        near (np.ndarray): Whether the truth lies within the radius, bool (M,).
        distance (np.ndarray): Squared Mahalanobis distance from the keypoint
            to the truth, (M,); infinite if the covariance is singular.
        area (np.ndarray): Determinant of the covariance, (M,).
    """

    confidence: np.ndarray
    near: np.ndarray
    distance: np.ndarray
    area: np.ndarray

    def coverage(self, level: float) -> float:
        """Return the fraction of truths in the ellipses of a level."""
        return float((self.distance <= chi_square(level)).mean())


class CalibrationScores(NamedTuple):
    """Scores of confidence and ellipses.

    Attributes:
        keypoints (int): Number of keypoints.
        error (float): Expected calibration error in [0, 1].
        log_loss (float): Logarithmic loss of the confidence, in nats.
        coverage (dict[str, float]): Fraction of truths in the ellipses, by
            level in percent.
        by_size (list[float]): Fraction of truths in the 90 % ellipses for each
            fifth of the ellipses, the smallest ellipses first.
    """

    keypoints: int
    error: float
    log_loss: float
    coverage: dict[str, float]
    by_size: list[float]


def chi_square(level: float) -> float:
    """Return the quantile of chi-square with two degrees of freedom."""
    return float(-2 * np.log1p(-level))


def fit(statistics: MapStatistics, faces: np.ndarray | None = None) -> Calibration:
    """Fit the calibration.

    Args:
        statistics (MapStatistics): Statistics of the validation faces.
        faces (np.ndarray, optional): Indices of the faces to use, (M,).
            Defaults to all faces.

    Returns:
        Calibration: The temperature is one of
        ``rcn_mmpose.lab.calibration.map_statistics.TEMPERATURES``.

    Raises:
        ValueError: If there are fewer than 20 faces in all, or the faces used
            have no labelled keypoint.
    """
    if len(statistics.labelled) < FEWEST:
        raise ValueError(
            f'{len(statistics.labelled)} validation faces; a calibration needs '
            f'{FEWEST} at least, and some hundreds for a good fit.'
        )
    rows = np.arange(len(statistics.labelled)) if faces is None else faces
    counts = statistics.labelled[rows]
    if not counts.any():
        raise ValueError('no keypoint of the validation faces is labelled.')
    near = statistics.near[rows][counts]
    losses = [
        log_loss(confidence[rows][counts], near) for confidence in statistics.confidence
    ]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    distance = outcomes_of(statistics, Calibration(temperature), rows).distance
    scale = np.quantile(distance, FITTED) / chi_square(FITTED)
    return Calibration(round(temperature, 4), float(f'{scale:.4g}'))


def outcomes_of(
    statistics: MapStatistics,
    calibration: Calibration | None,
    faces: np.ndarray | None = None,
) -> Outcomes:
    """Apply a calibration and compare its confidence and ellipses with the truth.

    Args:
        statistics (MapStatistics): Statistics of the validation faces.
        calibration (Calibration, optional): None for the uncalibrated model.
        faces (np.ndarray, optional): Indices of the faces, (M,). Defaults to
            all faces.
    """
    rows = np.arange(len(statistics.labelled)) if faces is None else faces
    counts = statistics.labelled[rows]
    at = UNIT
    if calibration is not None:
        at = np.abs(TEMPERATURES - calibration.temperature).argmin()
        covariance = statistics.spread[at][rows] + FLOOR * np.eye(2)
        covariance = calibration.covariance_scale * covariance
    else:
        covariance = statistics.covariance[rows]
    distance, area = mahalanobis(statistics.offset[rows][counts], covariance[counts])
    return Outcomes(
        statistics.confidence[at][rows][counts],
        statistics.near[rows][counts],
        distance,
        area,
    )


def mahalanobis(
    offset: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return squared Mahalanobis distances and determinants, (M,) each.

    Args:
        offset (np.ndarray): Of shape (M, 2).
        covariance (np.ndarray): Of shape (M, 2, 2).
    """
    dx, dy = offset.astype(float).T
    (xx, xy), (_, yy) = np.moveaxis(covariance.astype(float), 0, -1)
    area = xx * yy - xy**2
    scaled = yy * dx**2 - 2 * xy * dx * dy + xx * dy**2
    distance = np.full(len(dx), np.inf)
    np.divide(scaled, area, out=distance, where=area > 0)
    return distance, area


def score(outcomes: Outcomes) -> CalibrationScores:
    """Score confidence and ellipses."""
    order = np.argsort(outcomes.area, kind='stable')
    held = outcomes.distance[order] <= chi_square(FITTED)
    return CalibrationScores(
        len(outcomes.near),
        equal_bins(outcomes.confidence, outcomes.near).error,
        log_loss(outcomes.confidence, outcomes.near),
        {f'{100 * level:g}': outcomes.coverage(level) for level in LEVELS},
        [float(part.mean()) for part in np.array_split(held, GROUPS)],
    )


def held_out(
    statistics: MapStatistics, halvings: int = HALVINGS, seed: int = 0
) -> Iterator[Outcomes]:
    """Fit on one half of the faces and return the outcomes of the other half.

    Args:
        statistics (MapStatistics): Statistics of the validation faces.
        halvings (int): Number of random halvings. Defaults to 20.
        seed (int): Seed of the halvings. Defaults to 0.

    Yields:
        Outcomes: For each halving, those of the second half by a fit on the
        first, then those of the first half by a fit on the second.
    """
    random = np.random.default_rng(seed)
    count = len(statistics.labelled)
    for _ in range(halvings):
        order = random.permutation(count)
        halves = order[: count // 2], order[count // 2 :]
        for fitted, other in (halves, halves[::-1]):
            yield outcomes_of(statistics, fit(statistics, fitted), other)


def join_outcomes(first: Outcomes, second: Outcomes) -> Outcomes:
    """Concatenate the outcomes of two halves."""
    return Outcomes(*(np.concatenate(both) for both in zip(first, second, strict=True)))


def bins_of(outcomes: Outcomes) -> Bins:
    """Return the bins of the expected calibration error."""
    return equal_bins(outcomes.confidence, outcomes.near, BINS)
