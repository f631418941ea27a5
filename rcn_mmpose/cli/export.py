"""Export a model to ONNX, from crops to keypoints, confidence and covariance.

A .json file in the same folder describes how images become crops. Both files
are written only if ONNX Runtime predicts the same as PyTorch; the largest
differences are printed. The exported model needs NumPy, OpenCV and
onnxruntime, but neither PyTorch nor MMPose.
"""

from __future__ import annotations

import argparse
import sys

from . import add_model_arguments, load

EXAMPLES = """\
rcn-mmpose export --model work_dirs/rcn_300w/best.pth rcn_300w.onnx
rcn-mmpose export --model configs/rcn_aflw.py rcn_aflw.onnx \\
    --checkpoint work_dirs/rcn_aflw/best.pth"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('out', metavar='OUT', help='output file, .onnx')
    add_model_arguments(parser, predicts=False)


def run(options: argparse.Namespace) -> int:
    """Export a model, and print the differences from PyTorch."""
    if options.model.endswith('.onnx'):
        raise ValueError(f'{options.model!r} is exported already; give the checkpoint.')
    predictor = load(options, 'torch')
    from ..inference.onnx_export import ParityError, export
    from ..inference.torch_predictor import TorchPredictor

    assert isinstance(predictor, TorchPredictor)
    try:
        parity = export(predictor, options.out)
    except ParityError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print('largest differences between ONNX Runtime and PyTorch:')
    print(f'  keypoints    {parity.keypoints:.2g} pixels of the crop')
    print(f'  confidence   {parity.confidence:.2g}')
    print(f'  deviations   {parity.deviation:.2g} pixels of the crop')
    print(f'  near ties    {len(parity.near_ties)}, left out')
    print(options.out)
    return 0
