"""The cumulative error distribution (CED) of a test and what sums it up.

Errors are in percent, one a face. The CED at e is the share of faces with an
error of at most e: a staircase with a step at each face's error. All sums are
exact, so that the order of the faces does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np


def mean_error(errors: Sequence[float]) -> float:
    """Average the errors.

    Args:
        errors (Sequence[float]): In percent, at least one.

    Returns:
        float: In percent.
    """
    return math.fsum(errors) / len(errors)


def area_under_curve(errors: Sequence[float], limit: float) -> float:
    """Measure the area under the CED from 0 to a limit.

    The staircase is integrated as it is, not sampled: a face with the error e
    adds a block of the width ``limit - e``.

    Args:
        errors (Sequence[float]): In percent, at least one.
        limit (float): In percent, above 0.

    Returns:
        float: In percent of the largest possible area, which is that of faces
        without error.
    """
    width = math.fsum(max(0.0, limit - float(e)) for e in errors)
    return 100 * width / (limit * len(errors))


def failure_rate(errors: Sequence[float], limit: float) -> float:
    """Count the faces whose error is above a limit.

    Args:
        errors (Sequence[float]): In percent, at least one.
        limit (float): In percent; a face exactly there is no failure.

    Returns:
        float: In percent of the faces.
    """
    return 100 * sum(1 for e in errors if e > limit) / len(errors)


def staircase(errors: Sequence[float], limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the corners of the CED from 0 to a limit.

    Args:
        errors (Sequence[float]): In percent, at least one.
        limit (float): In percent.

    Returns:
        tuple[np.ndarray, np.ndarray]: Errors, rising from 0 to the limit, and
        the share of faces in percent from each of them on.
    """
    ordered = np.sort(np.asarray(errors, np.float64))
    share = 100 * np.arange(1, len(ordered) + 1) / len(ordered)
    inside = ordered <= limit
    last = share[inside][-1] if inside.any() else 0.0
    return (
        np.concatenate(([0.0], ordered[inside], [limit])),
        np.concatenate(([0.0], share[inside], [last])),
    )


def draw_curves(
    path: str,
    curves: Mapping[str, Sequence[float]],
    quantity: str,
    limit: float = 10.0,
) -> None:
    """Draw CED curves into one image.

    Args:
        path (str): Image to write; its ending says in which form.
        curves (Mapping[str, Sequence[float]]): Errors in percent by label.
        quantity (str): What the errors are, for the axis.
        limit (float): Right end of the axis, in percent.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4.5), dpi=120)
    styles = ('-', '--', ':', '-.')
    for i, (label, errors) in enumerate(curves.items()):
        axes.step(
            *staircase(errors, limit),
            where='post',
            label=label,
            # ten colours, then the same with another dash
            color=f'C{i % 10}',
            linestyle=styles[i // 10 % len(styles)],
        )
    axes.set(
        xlim=(0, limit),
        ylim=(0, 100),
        xlabel=f'{quantity}, %',
        ylabel='faces with at most this error, %',
    )
    axes.grid(alpha=0.3)
    axes.legend(loc='lower right', fontsize='small')
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
