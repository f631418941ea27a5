"""Measure predicted keypoints against true keypoints.

Reads a file of predictions, of rcn-mmpose predict or another program, and a
COCO annotation file with keypoints, and prints the errors by every normaliser
that is known for these keypoints. A prediction is matched to the nearest face
whose annotated box contains the mean of its keypoints. A face has at most one
prediction. A face without a prediction is missed: the table leaves it out; the
lines below the table and the curves count it with an infinite error. Exit
status: 0 if every face has a prediction, 1 if not.

The faces are those that tools/test.py counts: annotations without keypoints,
crowds and faces without a labelled keypoint or with an empty box are left out.
Labels that contradict the size of their image are an error.

If one file has 68 keypoints and the other has MTFL's five, the 68 are reduced
to the five.
"""

from __future__ import annotations

import argparse
import os

import numpy as np

from ..geometry.keypoints import FIVE_NAMES
from ..io.predictions import read_predictions
from . import counted, protect_inputs, say

EXAMPLES = """\
rcn-mmpose evaluate keypoints.json data/annotations/300w_test.json
rcn-mmpose evaluate keypoints.csv test.json --curves ced.png \\
    --errors errors.csv --normaliser outer_corners=36:45"""

BOX_ALONE = (
    'Note: the size of the box is the only normaliser, because the annotations '
    "do not say which keypoints are the eyes. Give --normaliser, or 'eyes' in "
    'their category, or, '
    f"if they are MTFL's five, the names {', '.join(FIVE_NAMES)} there, in "
    'this order.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('predictions', help='file of predictions, COCO json or csv')
    parser.add_argument('annotations', help='file of true keypoints, COCO json')
    parser.add_argument(
        '--normaliser',
        action='append',
        default=[],
        metavar='NAME=A,B:C,D',
        help='another normaliser: the distance between the means of two groups '
        'of keypoints, counted from 0; repeat it for several, the first is the '
        'main one',
    )
    parser.add_argument(
        '--each-keypoint',
        action='store_true',
        help='also print the error of each keypoint',
    )
    parser.add_argument(
        '--curves', metavar='FILE', help='image of the error curves (CED)'
    )
    parser.add_argument(
        '--errors',
        metavar='FILE',
        help='csv of the error of each face, infinite for a missed face, for '
        'rcn-mmpose plot',
    )
    parser.add_argument(
        '--axis',
        type=float,
        default=10,
        help='largest error on the axis of the curves, in percent (default: 10)',
    )


def run(options: argparse.Namespace) -> int:
    """Measure, print and draw the errors."""
    normalisers = dict(map(parse_normaliser, options.normaliser))
    if not options.axis > 0:
        raise ValueError(f'--axis {options.axis:g}: give percent above 0.')
    if options.errors:
        inputs = {options.predictions: 'the file of predictions'}
        inputs[options.annotations] = 'the file of annotations'
        protect_inputs('--errors', options.errors, inputs)
    from ..evaluation.ced import draw_curves
    from ..evaluation.error_file import write_errors
    from ..evaluation.error_table import ErrorTable
    from ..evaluation.measures import MeasurePlan
    from ..evaluation.pairing import pair_faces
    from ..io.annotations import describe_keypoints, read_annotations
    from .plot import table_of_curves

    truth = read_annotations(options.annotations)
    predicted = read_predictions(options.predictions)
    if not predicted:
        raise ValueError(f'{options.predictions!r} holds no face.')
    pairs = pair_faces(truth, predicted)
    if not pairs.faces:
        raise ValueError(
            f'no face of {options.predictions!r} lies in an image and box of '
            f'{options.annotations!r}. Compare the names of the images, such as '
            f'{predicted[0].file!r} and {truth.faces[0].file!r}.'
        )
    meta = describe_keypoints(pairs.names, truth.category)
    if not options.each_keypoint:
        meta['keypoint_id2name'] = {}
    plan = MeasurePlan(meta, normalisers or None, detailed=True)
    faces = pairs.results(plan)
    table = ErrorTable(faces, plan)
    missed = len(truth.faces) - len(faces)
    say(
        f'{len(faces)} of {len(truth.faces)} faces have a prediction, '
        f'{missed} missed; {len(predicted) - len(faces)} predictions of no '
        'annotated face'
    )
    for reason, count in truth.left_out.items():
        say(f'  {counted(count, "annotation")} left out: {reason}')
    boxless = sum('bbox' not in face.annotation for face in truth.faces)
    if boxless:
        say(
            f'  {counted(boxless, "face")} without bbox, measured with the box of the '
            'keypoints; tools/train.py and tools/test.py leave them out'
        )
    say(f'\nfaces with a prediction, in percent\n{table.table(each_keypoint=True)}')
    curves = {
        name: np.append(table.errors('pixels', name), np.full(missed, np.inf))
        for name in plan.normalisers
    }
    curves = {n: e[~np.isnan(e)] for n, e in curves.items()}
    say('\nall faces, missed faces with an infinite error, in percent')
    say(table_of_curves(curves, (8, 10)))
    if list(plan.normalisers) == ['box']:
        say(BOX_ALONE)
    if options.curves:
        folder = os.path.dirname(os.path.abspath(options.curves))
        os.makedirs(folder, exist_ok=True)
        draw_curves(options.curves, curves, 'error of a face', options.axis, 10)
        say(options.curves)
    if options.errors:
        write_errors(options.errors, table, pairs.missed_results(plan))
        say(options.errors)
    return 1 if missed else 0


def parse_normaliser(text: str) -> tuple[str, tuple]:
    """Parse a normaliser ``NAME=A,B:C,D``.

    Raises:
        ValueError: If the text has another form.
    """
    try:
        name, groups = text.split('=')
        left, right = groups.split(':')
        pair = tuple(tuple(int(i) for i in group.split(',')) for group in (left, right))
    except ValueError as error:
        raise ValueError(
            f'--normaliser {text!r}; give a name and two groups of keypoints, '
            'counted from 0, such as eye_centres=36,39:42,45.'
        ) from error
    return name, pair
