"""Reliability of confidence: bins, expected calibration error, log loss, diagram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...image.colours import CURVES
from ...io.image_files import write_figure

BINS = 15
LEAST = 1e-6  # lower limit of a probability in the logarithmic loss


class Bins(NamedTuple):
    """Predictions in bins of equal number, the least confident bin first.

    Attributes:
        confidence (np.ndarray): Mean confidence of each bin, (B,).
        share (np.ndarray): Fraction of the events in each bin that happened,
            (B,).
        number (np.ndarray): Predictions in each bin, int (B,).
    """

    confidence: np.ndarray
    share: np.ndarray
    number: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error in [0, 1].

        The mean over all predictions of the difference between the confidence
        and the share of their bin (Guo et al., On Calibration of Modern Neural
        Networks, ICML 2017, eq. 5, with bins of equal number). Chance alone
        makes the error larger than 0, and more so with fewer predictions.
        """
        apart = np.abs(self.confidence - self.share)
        return float((apart * self.number).sum() / self.number.sum())


def equal_bins(confidence: np.ndarray, happened: np.ndarray, bins: int = BINS) -> Bins:
    """Sort predictions into bins whose sizes differ by at most one.

    Args:
        confidence (np.ndarray): In [0, 1], (M,).
        happened (np.ndarray): Whether the event happened, bool (M,).
        bins (int): Number of bins. Defaults to 15.

    Returns:
        Bins: The bins.

    Raises:
        ValueError: If there are fewer predictions than bins.
    """
    if len(confidence) < bins or bins < 1:
        raise ValueError(
            f'{len(confidence)} keypoints do not fill {bins} bins; give more faces.'
        )
    order = np.argsort(confidence, kind='stable')
    parts = np.array_split(order, bins)
    return Bins(
        np.array([confidence[part].mean(dtype=float) for part in parts]),
        np.array([happened[part].mean() for part in parts]),
        np.array([len(part) for part in parts]),
    )


def log_loss(confidence: np.ndarray, happened: np.ndarray) -> float:
    """Compute the logarithmic loss of the confidence.

    Args:
        confidence (np.ndarray): In [0, 1], of any shape.
        happened (np.ndarray): Whether the event happened, of the same shape.

    Returns:
        float: In nats, 0 at best.
    """
    given = np.where(happened, confidence, 1 - confidence).astype(float)
    return float(-np.log(np.maximum(given, LEAST)).mean())


def draw_reliability(
    path: str,
    bins: Mapping[str, Bins],
    ellipses: Mapping[str, tuple[np.ndarray, np.ndarray]],
    event: str,
) -> None:
    """Draw a reliability diagram of confidence and one of ellipses.

    Args:
        path (str): Image to write. The file extension sets the format.
        bins (Mapping[str, Bins]): Bins by label, in the order of drawing.
        ellipses (Mapping[str, tuple]): By label, the levels of the ellipses
            and the fraction of truths in them, both in [0, 1].
        event (str): Name of the event, for the axis.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), dpi=120)
    low = 1.0
    for i, (label, found) in enumerate(bins.items()):
        below, above = _interval(found)
        left.errorbar(
            100 * found.confidence,
            100 * found.share,
            100 * np.stack((found.share - below, above - found.share)),
            fmt='os'[i % 2],
            markersize=4,
            linewidth=0.8,
            color=CURVES[i % len(CURVES)],
            label=f'{label}: error {100 * found.error:.2f} %',
        )
        low = min(low, found.confidence.min(), below.min())
    low = 10 * np.floor(10 * low)
    counts = next(iter(bins.values())).number
    left.set(
        xlim=(low, 100.5),
        ylim=(low, 100.5),
        xlabel=f'confidence, % (bins of {counts.min()} keypoints)',
        ylabel=f'{event}, %',
        aspect='equal',
    )
    for i, (label, (level, share)) in enumerate(ellipses.items()):
        right.plot(
            100 * level,
            100 * share,
            ('o-', 's-')[i % 2],
            markersize=3,
            color=CURVES[i % len(CURVES)],
            label=label,
        )
    right.set(
        xlim=(0, 100),
        ylim=(0, 100),
        xlabel='ellipse, %',
        ylabel='truths that it holds, %',
        aspect='equal',
    )
    for axes in (left, right):
        axes.axline((100, 100), slope=1, color='0.6', linewidth=0.8)
        axes.grid(alpha=0.3)
        axes.legend(loc='upper left', fontsize='small')
    figure.tight_layout()
    write_figure(path, figure)
    plt.close(figure)


def _interval(bins: Bins) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's 95 % interval of the share of each bin."""
    z2 = 1.96**2
    n, p = bins.number, bins.share
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # rounding may place the share slightly outside its interval
    return np.minimum(middle - reach, p), np.maximum(middle + reach, p)
