r"""Compare two models on the same faces by a paired bootstrap.

    python tools/analysis_tools/compare.py --first a.csv --second b.csv \
        --value NME_pixels_eye_centres

reads files with the error of each face (``out_file`` of FaceNME), and prints both
mean errors, their difference and its 95 % interval over faces. With several files
per model, such as one file per seed, the error of a face is the mean over the files.
Faces that one of the files misses (rcn-mmpose evaluate --errors) are counted and
left out of the means.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.evaluation.error_file import read_errors
from rcn_mmpose.evaluation.paired_bootstrap import (
    common_errors,
    paired_bootstrap,
)


def main(args: list[str]) -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for model in ('first', 'second'):
        parser.add_argument(
            f'--{model}', nargs='+', required=True, help='error files (CSV)'
        )
    parser.add_argument(
        '--value',
        nargs='+',
        help='columns of the files to compare (default: the first one, all '
        'keypoints by the main normaliser in pixels)',
    )
    parser.add_argument('--subset', default='', help='name of a subset of the faces')
    parser.add_argument(
        '--resamples',
        type=int,
        default=10_000,
        help='bootstrap resamples (default: 10000)',
    )
    options = parser.parse_args(args)

    files = [read_errors(path) for path in options.first + options.second]
    values = options.value or [next(iter(files[0].errors))]
    for value in values:
        errors = common_errors(files, value, options.subset)
        split = len(options.first)
        pair = [np.mean(errors[:split], 0), np.mean(errors[split:], 0)]
        seen = np.isfinite(pair).all(0)
        if not seen.all():
            first, second = (int(np.isinf(model).sum()) for model in pair)
            print(
                f'{(~seen).sum()} of {len(seen)} faces are left out: {first} missed by '
                f'the first model, {second} by the second; rcn-mmpose plot shows the '
                'failure rates with them'
            )
        found = paired_bootstrap(*(model[seen] for model in pair), options.resamples)
        where = f', {options.subset}' if options.subset else ''
        print(
            f'{value}{where}, {found.faces} faces: '
            f'{found.first:.3f} -> {found.second:.3f} %, difference '
            f'{found.difference:+.3f} (95 %: {found.low:+.3f} to '
            f'{found.high:+.3f}); better on {found.better:.0%} of the '
            f'faces, worse on {found.worse:.0%}'
        )


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
