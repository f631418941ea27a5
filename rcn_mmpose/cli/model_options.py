"""The options by which verbs are told which model to use."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..inference import Predictor


def add_model_arguments(
    parser: argparse.ArgumentParser,
    default: str | None = None,
    predicts: bool = True,
) -> None:
    """Add the arguments.

    Args:
        parser (argparse.ArgumentParser): Of the verb.
        default (str, optional): Name of the model where none is given; if
            left out, one has to be given.
        predicts (bool): Whether the verb predicts, so that precision and
            passes can be chosen. Defaults to True.
    """
    known = f' (default: {default})' if default else ''
    group = parser.add_argument_group('model')
    group.add_argument(
        '--model',
        required=default is None,
        default=default,
        help='a checkpoint (.pth) of tools/train.py, an exported .onnx, a '
        'name that rcn-mmpose models lists, or a config that goes with '
        f'--checkpoint{known}',
    )
    group.add_argument('--checkpoint', help='weights to go with a config')
    group.add_argument(
        '--device',
        default='cpu',
        help='where the network runs, as PyTorch names it (default: cpu)',
    )
    if not predicts:
        parser.set_defaults(precision='fp32', passes=1)
        return
    group.add_argument(
        '--precision',
        choices=('fp32', 'bf16'),
        default='fp32',
        help='of the network (default: fp32)',
    )
    group.add_argument(
        '--passes',
        type=int,
        choices=(1, 2),
        default=1,
        help='2 predicts each face again from an upright crop about the '
        'keypoints found first and joins both, in twice the time (default: 1)',
    )


def add_detector_argument(parser: argparse._ArgumentGroup) -> None:
    """Add the argument of the face detector."""
    parser.add_argument(
        '--smallest-face',
        type=float,
        default=0.05,
        metavar='PART',
        help="of the picture's shorter side, for the detector (default: 0.05)",
    )


def load(options: argparse.Namespace, runtime: str | None = None) -> Predictor:
    """Load the model that was named, see ``load_model``."""
    from ..inference import load_model

    return load_model(
        options.model,
        options.checkpoint,
        precision=options.precision,
        device=options.device,
        passes=options.passes,
        runtime=runtime,
    )
