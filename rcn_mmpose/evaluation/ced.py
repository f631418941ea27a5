"""Cumulative error distribution (CED) of a test: mean, area, failure rate, plot.

Errors are in percent, one per face. The CED at e is the share of faces with an
error of at most e: a staircase with a step at the error of each face. All sums
are exact, so the order of the faces does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..image.colours import curve_style
from ..io.image_files import write_figure

MOST_INSIDE = 5  # curves whose legend has room inside the axes
Errors = Sequence[float] | np.ndarray  # in percent, one per face


def mean_error(errors: Errors) -> float:
    """Average the errors.

    Args:
        errors (Sequence | np.ndarray): In percent, at least one.

    Returns:
        float: In percent.
    """
    return math.fsum(errors) / len(errors)


def area_under_curve(errors: Errors, limit: float) -> float:
    """Compute the area under the CED from 0 to a limit.

    The staircase is integrated exactly, not sampled: a face with the error e
    adds a block of width ``limit - e``.

    Args:
        errors (Sequence | np.ndarray): In percent, at least one.
        limit (float): In percent, above 0.

    Returns:
        float: In percent of the largest possible area (no face has an error).
    """
    width = math.fsum(max(0.0, limit - float(e)) for e in errors)
    return 100 * width / (limit * len(errors))


def failure_rate(errors: Errors, limit: float) -> float:
    """Compute the failure rate: the share of faces with an error above a limit.

    Args:
        errors (Sequence | np.ndarray): In percent, at least one.
        limit (float): In percent. An error equal to the limit is not a failure.

    Returns:
        float: In percent of the faces.
    """
    return 100 * sum(1 for e in errors if e > limit) / len(errors)


def staircase(errors: Errors, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the corners of the CED staircase from 0 to a limit.

    Args:
        errors (Sequence | np.ndarray): In percent, at least one.
        limit (float): In percent.

    Returns:
        tuple[np.ndarray, np.ndarray]: Errors, rising from 0 to the limit, and
        the share of faces, in percent, from each error on.
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
    curves: Mapping[str, Errors],
    quantity: str,
    limit: float = 10.0,
    threshold: float | None = None,
) -> None:
    """Draw CED curves into one image; the legend has NME, AUC and FR of each.

    Args:
        path (str): Image to write. The file extension sets the format.
        curves (Mapping): Errors in percent by label. NaN does not count; a missed
            face has an infinite error.
        quantity (str): Name of the errors, for the axis.
        limit (float): Right end of the axis, in percent.
        threshold (float, optional): Limit of AUC and FR in the legend, in percent.
            Defaults to the end of the axis.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4.5), dpi=120)
    lines, labels = [], []
    for i, (label, errors) in enumerate(curves.items()):
        counted = np.asarray(errors, np.float64)
        counted = counted[~np.isnan(counted)]
        text = numbers_text(counted, threshold or limit) if len(counted) else 'no face'
        labels.append(f'{label}\n{text}')
        lines += axes.step(
            *staircase(counted, limit),
            where='post',
            label=labels[-1],
            **curve_style(i),
        )
    axes.set(
        xlim=(0, limit),
        ylim=(0, 100),
        xlabel=f'{quantity}, %',
        ylabel='faces with at most this error, %',
    )
    axes.grid(alpha=0.3)
    figure.tight_layout()
    place, corner = 'lower right', None
    if len(curves) > MOST_INSIDE:
        place, corner = 'center left', (1.02, 0.5)
    # Labels are paths: one may begin with _, which matplotlib would leave out, and
    # hold $, which it would read as a formula.
    legend = axes.legend(
        lines,
        ['label'] * len(lines),
        loc=place,
        bbox_to_anchor=corner,
        fontsize='small',
    )
    for entry, label in zip(legend.get_texts(), labels, strict=True):
        entry.set_parse_math(False)
        entry.set_text(label)
    # A legend beside the axes, and a long label, make the image wider.
    write_figure(path, figure, bbox_inches='tight')
    plt.close(figure)


def numbers_text(errors: Errors, limit: float) -> str:
    """Return NME, AUC and FR of a curve for a legend.

    Args:
        errors (Sequence | np.ndarray): In percent, at least one.
        limit (float): Limit of AUC and FR, in percent.
    """
    values = dict(
        NME=mean_error(errors),
        AUC=area_under_curve(errors, limit),
        FR=failure_rate(errors, limit),
    )
    ends = dict(NME='', AUC=f'{limit:g}', FR=f'{limit:g}')
    return ', '.join(f'{name}{ends[name]} {v:.2f}' for name, v in values.items())
