r"""Draw the error curves of any number of tests into one picture.

    python tools/plot_ced.py a/errors.csv b/errors.csv --labels first second \
        --value NME_pixels_eye_centres --out ced.png

reads files with the error of each face, as a test writes them (FaceNME's
``out_file``, or tools/report.py), draws the cumulative error distributions,
and prints for each the number of faces, mean error (NME), median, area under
the curve (AUC) and failure rate (FR). Curves are comparable only by the same
value of the same faces: one note says so where the faces differ.
"""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.evaluation.ced import (  # noqa: E402
    area_under_curve,
    draw_curves,
    failure_rate,
    mean_error,
)
from rcn_mmpose.evaluation.error_file import read_errors  # noqa: E402


def main(args: list[str]) -> None:
    """Draw the picture and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('files', nargs='+', help='files of errors, csv')
    parser.add_argument('--labels', nargs='+', help='default: the paths')
    parser.add_argument(
        '--value',
        help='which errors: a column of the files (default: their first, all '
        'keypoints by the main normaliser in pixels)',
    )
    parser.add_argument('--subset', default='', help='of the faces, by name')
    parser.add_argument(
        '--limits',
        nargs='+',
        type=float,
        default=[8, 10],
        help='of AUC and FR, in percent (default: 8 10)',
    )
    parser.add_argument(
        '--axis', type=float, default=10, help='end of the axis, in percent'
    )
    parser.add_argument('--out', default='ced.png', help='picture to write')
    options = parser.parse_args(args)

    labels = options.labels or options.files
    if len(labels) != len(options.files) or len(set(labels)) < len(labels):
        raise ValueError(
            f'labels {labels} for {len(options.files)} files; give each file '
            'one of its own.'
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
    draw_curves(options.out, curves, title, options.axis)

    width = max(map(len, labels)) + 2
    heads = [f'{n}{v:g}' for v in options.limits for n in ('AUC', 'FR')]
    print(f'{title}, in percent')
    print(
        ' ' * width
        + ''.join(f'{h:>9}' for h in ('faces', 'NME', 'median', *heads))
    )
    for label, errors in curves.items():
        numbers = [mean_error(errors), float(np.median(errors))]
        for limit in options.limits:
            numbers.append(area_under_curve(errors, limit))
            numbers.append(failure_rate(errors, limit))
        print(
            f'{label:{width}}{len(errors):9}'
            + ''.join(f'{number:9.2f}' for number in numbers)
        )
    if len({tuple(sorted(file.faces)) for file in files}) > 1:
        print('Note: the files are of different faces.')
    print(options.out)


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
