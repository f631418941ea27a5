r"""Draw the validated error of trainings by epoch into one image.

    python tools/analysis_tools/plot_validation.py work_dirs/a work_dirs/b \
        --labels a b --value NME_pixels_eye_centres --out curves.png

The program reads the logs in the work folders of tools/train.py, also those of a
training that was interrupted and resumed.
"""

from __future__ import annotations

import argparse
import math
import sys

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.lab.paper.convergence import draw_convergence
from rcn_mmpose.lab.paper.work_folder import validation_curve


def main(args: list[str]) -> None:
    """Read and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('folders', nargs='+', help='work folders')
    parser.add_argument(
        '--labels', nargs='+', help='one a folder (default: the folders)'
    )
    parser.add_argument(
        '--value',
        default='NME_pixels_eye_points',
        help='what is drawn, as the log names it (default: NME_pixels_eye_points)',
    )
    parser.add_argument('--out', required=True, help='image to write')
    options = parser.parse_args(args)
    labels = options.labels or options.folders
    if not len(set(labels)) == len(labels) == len(options.folders):
        raise ValueError(
            f'{len(options.folders)} folders, labels {labels}; give each '
            'folder a label of its own.'
        )
    curves = {}
    for label, folder in zip(labels, options.folders, strict=True):
        curve = validation_curve(folder, options.value)
        if all(error is None for error in curve):
            raise ValueError(
                f'the logs in {folder!r} have no {options.value}; give the '
                'work folder of a training that was validated by it.'
            )
        curves[label] = [math.nan if e is None else e for e in curve]
    draw_convergence(options.out, curves, f'validated {options.value}')
    print(options.out)


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
