"""Draw the error curves of several tests into one image.

Reads csv files with the error of each face, which a test, tools/report.py and
rcn-mmpose evaluate --errors write. Draws the cumulative error
distributions (CED), and prints for each file the number of faces, mean error
(NME), median, area under the curve (AUC) and failure rate (FR). The legend has
NME, and AUC and FR at the last limit. Curves are comparable only for the same
value and the same faces. A note is printed if the faces differ.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence

import numpy as np

from . import say

EXAMPLES = """\
rcn-mmpose plot work_dirs/a/errors.csv work_dirs/b/errors.csv --labels a b
rcn-mmpose plot errors.csv --value NME_pixels_outer_corners \\
    --subset challenging --axis 15 --out challenging.png"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('files', nargs='+', metavar='FILE', help='csv files of errors')
    parser.add_argument(
        '--labels', nargs='+', help='labels of the curves (default: the paths)'
    )
    parser.add_argument(
        '--value',
        help='column of the files to draw (default: the first column, the error '
        'of all keypoints by the main normaliser in pixels)',
    )
    parser.add_argument(
        '--subset',
        default='',
        help='name of a subset of the faces (default: all faces)',
    )
    parser.add_argument(
        '--limits',
        nargs='+',
        type=float,
        default=[8, 10],
        help='limits of AUC and FR, in percent (default: 8 10)',
    )
    parser.add_argument(
        '--axis',
        type=float,
        default=10,
        help='largest error on the axis, in percent (default: 10)',
    )
    parser.add_argument(
        '--out', default='ced.png', help='output image (default: ced.png)'
    )


def run(options: argparse.Namespace) -> int:
    """Draw the image and print the table."""
    from ..evaluation.ced import draw_curves
    from ..evaluation.error_file import read_errors

    labels = options.labels or options.files
    if len(labels) != len(options.files) or len(set(labels)) < len(labels):
        raise ValueError(
            f'labels {labels} for {len(options.files)} files; give each file '
            'a label of its own.'
        )
    wrong = [v for v in (*options.limits, options.axis) if not v > 0]
    if wrong:
        raise ValueError(f'limit {wrong[0]:g}: give percent above 0.')
    files = [read_errors(path) for path in options.files]
    value = options.value or next(iter(files[0].errors))
    curves = {
        label: file.select(value, options.subset)
        for label, file in zip(labels, files, strict=True)
    }
    empty = [label for label, errors in curves.items() if not len(errors)]
    if empty:
        raise ValueError(f'{empty[0]}: no face has an error {value!r}.')
    os.makedirs(os.path.dirname(options.out) or '.', exist_ok=True)
    title = f'{value}, {options.subset}' if options.subset else value
    draw_curves(options.out, curves, title, options.axis, options.limits[-1])
    say(f'{title}, in percent')
    say(table_of_curves(curves, options.limits))
    if len({tuple(sorted(file.faces)) for file in files}) > 1:
        say('Note: the files have different faces.')
    say(options.out)
    return 0


def table_of_curves(curves: Mapping[str, np.ndarray], limits: Sequence[float]) -> str:
    """Return a table with one line per error curve.

    Args:
        curves (Mapping[str, np.ndarray]): Errors in percent by label,
            infinite for a missed face.
        limits (Sequence[float]): Limits of AUC and FR, in percent.
    """
    from ..evaluation.ced import area_under_curve, failure_rate, mean_error

    width = max(map(len, curves)) + 2
    heads = [f'{n}{v:g}' for v in limits for n in ('AUC', 'FR')]
    heads = ['faces', 'NME', 'median', *heads]
    lines = [' ' * width + ''.join(f'{head:>9}' for head in heads)]
    for label, errors in curves.items():
        numbers = [mean_error(errors), float(np.median(errors))]
        for limit in limits:
            numbers.append(area_under_curve(errors, limit))
            numbers.append(failure_rate(errors, limit))
        lines.append(
            f'{label:{width}}{len(errors):9}'
            + ''.join(f'{number:9.2f}' for number in numbers)
        )
    return '\n'.join(lines)
