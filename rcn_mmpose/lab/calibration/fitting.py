"""Finding the calibration of a model, and measuring what it is worth.

Two numbers are fitted on validation faces. The temperature is the one with
the smallest logarithmic loss of the confidence, whose event is that the truth
lies within the codec's radius. The scale of the covariance then makes the
90 % ellipses hold 90 % of the truths: it is the 90 % quantile of the squared
Mahalanobis distance, over that of the chi-square distribution with two
degrees of freedom (as in split conformal prediction; Angelopoulos and Bates,
A Gentle Introduction to Conformal Prediction, 2021, section 2).

How well that holds for other faces is told by fitting on one half of the
faces and measuring on the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...codecs.calibration import FLOOR, Calibration
from .observation import PLAIN, TEMPERATURES, Observed
from .reliability import BINS, Bins, equal_bins, log_loss

LEVELS = (0.5, 0.9, 0.95)
FITTED = 0.9  # of them
GROUPS = 5  # of ellipses by their size
FEWEST = 20  # faces
HALVINGS = 20


class Statements(NamedTuple):
    """What is said of M labelled keypoints, and what is true.

    Attributes:
        confidence (np.ndarray): In [0, 1], (M,).
        near (np.ndarray): Whether the truth was that near, bool (M,).
        distance (np.ndarray): Squared Mahalanobis distance of the truth from
            the keypoint, (M,); infinite off an ellipse without area.
        area (np.ndarray): Determinant of the covariance, (M,).
    """

    confidence: np.ndarray
    near: np.ndarray
    distance: np.ndarray
    area: np.ndarray

    def coverage(self, level: float) -> float:
        """Return the part of truths in the ellipses of a level."""
        return float((self.distance <= chi_square(level)).mean())


class Figures(NamedTuple):
    """What statements are worth.

    Attributes:
        keypoints (int): How many there are.
        error (float): Expected calibration error in [0, 1].
        log_loss (float): Of the confidence, in nats.
        coverage (dict[str, float]): Part of truths in the ellipses, by level
            in percent.
        by_size (list[float]): Part of truths in the 90 % ellipses for each
            fifth of them, the smallest ellipses first.
    """

    keypoints: int
    error: float
    log_loss: float
    coverage: dict[str, float]
    by_size: list[float]


def chi_square(level: float) -> float:
    """Return the quantile of chi-square with two degrees of freedom."""
    return float(-2 * np.log1p(-level))


def fit(seen: Observed, faces: np.ndarray | None = None) -> Calibration:
    """Find the calibration.

    Args:
        seen (Observed): The validation faces.
        faces (np.ndarray, optional): Which of them to use, (M,). Defaults to
            all.

    Returns:
        Calibration: Its temperature is one of :data:`TEMPERATURES`.

    Raises:
        ValueError: If there are fewer than :data:`FEWEST` faces in all, or no
            labelled keypoint among those used.
    """
    if len(seen.labelled) < FEWEST:
        raise ValueError(
            f'{len(seen.labelled)} validation faces; a calibration takes '
            f'{FEWEST} at least, and some hundreds to be good.'
        )
    rows = np.arange(len(seen.labelled)) if faces is None else faces
    counts = seen.labelled[rows]
    if not counts.any():
        raise ValueError('no keypoint of the validation faces is labelled.')
    near = seen.near[rows][counts]
    losses = [
        log_loss(confidence[rows][counts], near) for confidence in seen.confidence
    ]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    distance = state(seen, Calibration(temperature), rows).distance
    scale = np.quantile(distance, FITTED) / chi_square(FITTED)
    return Calibration(round(temperature, 4), float(f'{scale:.4g}'))


def state(
    seen: Observed,
    calibration: Calibration | None,
    faces: np.ndarray | None = None,
) -> Statements:
    """Return what a model with this calibration says.

    Args:
        seen (Observed): The validation faces.
        calibration (Calibration, optional): None for the model as it is.
        faces (np.ndarray, optional): Which of them, (M,). Defaults to all.
    """
    rows = np.arange(len(seen.labelled)) if faces is None else faces
    counts = seen.labelled[rows]
    at = PLAIN
    if calibration is not None:
        at = np.abs(TEMPERATURES - calibration.temperature).argmin()
        covariance = seen.spread[at][rows] + FLOOR * np.eye(2)
        covariance = calibration.covariance_scale * covariance
    else:
        covariance = seen.covariance[rows]
    distance, area = mahalanobis(seen.offset[rows][counts], covariance[counts])
    return Statements(
        seen.confidence[at][rows][counts],
        seen.near[rows][counts],
        distance,
        area,
    )


def mahalanobis(
    offset: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return squared distances in deviations, and determinants, (M,) each.

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


def measure(said: Statements) -> Figures:
    """Measure statements."""
    order = np.argsort(said.area, kind='stable')
    held = said.distance[order] <= chi_square(FITTED)
    return Figures(
        len(said.near),
        equal_bins(said.confidence, said.near).error,
        log_loss(said.confidence, said.near),
        {f'{100 * level:g}': said.coverage(level) for level in LEVELS},
        [float(part.mean()) for part in np.array_split(held, GROUPS)],
    )


def held_out(
    seen: Observed, halvings: int = HALVINGS, seed: int = 0
) -> Iterator[Statements]:
    """Calibrate by one half of the faces, state of the other.

    Args:
        seen (Observed): The validation faces.
        halvings (int): How often they are parted at random. Defaults to 20.
        seed (int): Of the parting. Defaults to 0.

    Yields:
        Statements: Of the second half by the first, of the first by the
        second, and so on for each parting.
    """
    random = np.random.default_rng(seed)
    count = len(seen.labelled)
    for _ in range(halvings):
        order = random.permutation(count)
        halves = order[: count // 2], order[count // 2 :]
        for fitted, other in (halves, halves[::-1]):
            yield state(seen, fit(seen, fitted), other)


def joined(first: Statements, second: Statements) -> Statements:
    """Put the statements of two halves together."""
    return Statements(
        *(np.concatenate(both) for both in zip(first, second, strict=True))
    )


def bins_of(said: Statements) -> Bins:
    """Return the bins by which the calibration error is measured."""
    return equal_bins(said.confidence, said.near, BINS)
