"""Convergence curves: validation error by epoch (paper, section 5.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ...image.colours import OKABE_ITO
from ...io.image_files import write_figure

FAMILIES = {'RCN': OKABE_ITO['blue'], 'SumNet': OKABE_ITO['vermillion']}
STYLES = ('-', '--', ':', '-.', (0, (1, 3)))


def mean_curve(curves: Sequence[Sequence[float | None]]) -> list[float]:
    """Average the curves of several seeds.

    The mean of an epoch is over the seeds that have a value for it.

    Args:
        curves (Sequence[Sequence]): Errors by epoch; None for a missing value.

    Returns:
        list[float]: Means by epoch, as long as the longest curve; NaN where
        no seed has a value.
    """
    means = []
    for epoch in range(max(map(len, curves))):
        values = [
            error
            for curve in curves
            if epoch < len(curve) and (error := curve[epoch]) is not None
        ]
        means.append(math.fsum(values) / len(values) if values else math.nan)
    return means


def draw_convergence(
    path: str, curves: Mapping[str, Sequence[float]], quantity: str
) -> None:
    """Draw validation errors by epoch, SumNet and RCN in fixed colours.

    Args:
        path (str): Path of the image.
        curves (Mapping[str, Sequence[float]]): Errors in percent from epoch
            1 on, by label. The first word of a label is the network's name.
        quantity (str): Name of the error, for the axis.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    figure, axes = plt.subplots(figsize=(7, 4.5), dpi=120)
    drawn = dict.fromkeys(FAMILIES, 0)
    for label, errors in curves.items():
        family = label.split()[0]
        number = drawn.get(family, 0)
        drawn[family] = number + 1
        axes.plot(
            np.arange(1, len(errors) + 1),
            errors,
            label=label,
            color=FAMILIES.get(family),
            linestyle=STYLES[number % len(STYLES)],
            marker='.' if len(errors) == 1 else None,
            linewidth=1.2,
        )
    axes.set(xlabel='epoch', ylabel=f'{quantity}, %', yscale='log')
    for axis in (
        axes.yaxis.set_major_formatter,
        axes.yaxis.set_minor_formatter,
    ):
        axis(ScalarFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3, which='both')
    axes.legend(fontsize='small')
    figure.tight_layout()
    write_figure(path, figure)
    plt.close(figure)
