r"""Fit the square of the second pass: scale and shift relative to the keypoints.

    python -m rcn_mmpose.lab.calibration.second_pass_fit \
        data/annotations/mtfl_train.json

prints the medians over training faces: the values of
:class:`~rcn_mmpose.inference.second_pass.SecondPass`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from ...environment.script import run_script
from ...geometry.keypoints import FIVE_NAMES, FIVE_RELATIONS, RELATIONS_68
from ...inference.second_pass import Eyes, SecondPass


def measure(
    keypoints: np.ndarray, boxes: np.ndarray, eyes: Eyes
) -> tuple[SecondPass, dict[str, tuple[float, float]]]:
    """Measure scale and shift of boxes relative to the keypoints.

    Args:
        keypoints (np.ndarray): Keypoints of training faces, all labelled,
            (N, K, 2).
        boxes (np.ndarray): Square training boxes (x1, y1, x2, y2), (N, 4).
        eyes (Sequence): See
            :class:`~rcn_mmpose.inference.second_pass.SecondPass`.

    Returns:
        tuple: Medians; and the 10th and 90th percentile of ``scale`` and
        ``shift``.

    Raises:
        ValueError: If keypoints coincide or are not finite.
    """
    level = SecondPass(eyes, 1.0)
    keypoints = np.asarray(keypoints, np.float64)
    low, high, turn, _ = level.extent(keypoints)
    longer = (high - low).max(-1)
    if not len(keypoints) or not (longer > 0).all():
        raise ValueError(
            f'{len(keypoints)} faces, of which {(~(longer > 0)).sum()} have '
            'keypoints that coincide or are not finite; give training faces.'
        )
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    lower = (centre @ turn)[:, 0, 1] - (low + high)[:, 1] / 2
    found = dict(
        scale=(boxes[:, 2:] - boxes[:, :2]).max(-1) / longer,
        shift=lower / longer,
    )
    median = {name: float(np.median(x)) for name, x in found.items()}
    spread = {}
    for name, x in found.items():
        low10, high90 = np.percentile(x, (10, 90)).tolist()
        spread[name] = (low10, high90)
    return SecondPass(eyes, scale=median['scale'], shift=median['shift']), spread


def main(args: Sequence[str] | None = None) -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(
        prog='python -m rcn_mmpose.lab.calibration.second_pass_fit',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('annotations', help='COCO json of training faces')
    options = parser.parse_args(args)
    from ...io.annotations import read_annotations

    truth = read_annotations(options.annotations)
    eyes = truth.category.get('eyes')
    if not eyes and tuple(truth.names) == FIVE_NAMES:
        eyes = FIVE_RELATIONS['eyes']
    elif not eyes and len(truth.names) == 68:
        eyes = RELATIONS_68['eyes']
    elif not eyes:
        raise ValueError(
            f'{options.annotations!r} has no "eyes" in its category: two '
            'groups of keypoints, counted from 0.'
        )
    faces = [face for face in truth.faces if face.labelled.all()]
    found, spread = measure(
        np.array([face.keypoints for face in faces]),
        np.array([face.box for face in faces]),
        eyes,
    )
    print(f'{len(faces)} of {len(truth.faces)} faces, all keypoints labelled')
    for name, (low, high) in spread.items():
        print(f'{name} {getattr(found, name):.3f} (8 of 10: {low:.3f} to {high:.3f})')


if __name__ == '__main__':
    run_script(main)
