"""Wrong boxes with known errors (shift, scale, rotation), and a plot of the NME."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...image.colours import curve_style
from ...image.crop import Squares
from ...io.image_files import write_figure

SHIFTS = (0.05, 0.1, 0.2)
SCALES = (0.05, 0.1, 0.2)
ROTATIONS = (10.0, 20.0, 30.0)
DIRECTIONS = 8
AXES = dict(
    shift="shift, % of the box's side",
    scale="change of the box's side, %",
    rotation='rotation, degrees',
)


class BoxError(NamedTuple):
    """Error of a box with a kind and an amount.

    Attributes:
        kind: ``'none'``, ``'shift'``, ``'scale'`` or ``'rotation'``.
        amount: Length of a shift, in percent of the side of the box; signed
            change of the side, in percent; or degrees of a rotation.
        moves: M squares with this error, (M, 4): shift to the right and down
            (fractions of the side), factor of the side, degrees clockwise.
    """

    kind: str
    amount: float
    moves: np.ndarray

    def apply(self, centre: np.ndarray, side: float) -> Squares:
        """Apply the error to the true square of a face.

        Args:
            centre (np.ndarray): Centre of the true square, (2,).
            side (float): Side of the true square.

        Returns:
            Squares: M wrong squares.
        """
        return Squares(
            np.asarray(centre, float) + float(side) * self.moves[:, :2],
            float(side) * self.moves[:, 2],
            self.moves[:, 3].copy(),
        )


def box_errors(
    shifts: Sequence[float] = SHIFTS,
    scales: Sequence[float] = SCALES,
    rotations: Sequence[float] = ROTATIONS,
) -> list[BoxError]:
    """List errors of boxes; the first has no error.

    A shift has 8 directions, 45 degrees apart. A rotation has both directions,
    and a scale makes the box larger or smaller.

    Args:
        shifts (Sequence[float]): Fractions of the side, above 0.
        scales (Sequence[float]): Fractions of the side, between 0 and 1.
        rotations (Sequence[float]): Degrees, above 0.
    """
    errors = [BoxError('none', 0.0, np.array([(0, 0, 1, 0)], float))]
    for shift in shifts:
        moves = np.tile((0.0, 0.0, 1.0, 0.0), (DIRECTIONS, 1))
        angles = 2 * math.pi * np.arange(DIRECTIONS) / DIRECTIONS
        moves[:, 0], moves[:, 1] = shift * np.cos(angles), shift * np.sin(angles)
        errors.append(BoxError('shift', 100 * shift, moves))
    signed = sorted({s for scale in scales for s in (-scale, scale)})
    for scale in signed:
        moves = np.array([(0, 0, 1 + scale, 0)])
        errors.append(BoxError('scale', 100 * scale, moves))
    for angle in rotations:
        moves = np.array([(0, 0, 1, -angle), (0, 0, 1, angle)])
        errors.append(BoxError('rotation', angle, moves))
    return errors


def draw_box_errors(
    path: str,
    curves: Mapping[str, Mapping[tuple[str, float], float]],
    quantity: str,
) -> None:
    """Plot the error of a model over the error of the boxes.

    Args:
        path (str): Image to write.
        curves (Mapping): By label, the error by kind and amount.
        quantity (str): Name of the errors, for the axis.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(AXES), figsize=(9, 3.2), dpi=120, sharey=True)
    for axes, (kind, title) in zip(panels, AXES.items(), strict=True):
        for i, (label, values) in enumerate(curves.items()):
            points = sorted(
                (amount, value)
                for (k, amount), value in values.items()
                if k in (kind, 'none')
            )
            (line,) = axes.plot(*zip(*points, strict=True), label=label)
            line.set(marker='os^Dv'[i % 5], **curve_style(i))
        axes.set(xlabel=title, ylim=(0, None))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(quantity)
    panels[0].legend(loc='lower right', fontsize='small')
    figure.tight_layout()
    write_figure(path, figure)
    plt.close(figure)
