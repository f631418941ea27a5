"""Write a model as ONNX: crops in; keypoints, confidence, covariance out.

Beside the .onnx a .json says how images become crops. Both appear only
after ONNX Runtime has predicted from them what PyTorch predicts; the largest
differences are printed. They need numpy, OpenCV and onnxruntime to run,
neither PyTorch nor MMPose.
"""

from __future__ import annotations

import argparse
import sys

from .inputs import add_model_arguments, load

EXAMPLES = """\
rcn-mmpose export --model work_dirs/rcn_300w/best.pth rcn_300w.onnx
rcn-mmpose export --model configs/rcn_aflw.py --checkpoint best.pth \\
    rcn_aflw.onnx"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('out', metavar='OUT', help='the .onnx to write')
    add_model_arguments(parser, predicts=False)


def run(options: argparse.Namespace) -> int:
    """Export, and say how well it agrees."""
    if options.model.endswith('.onnx'):
        raise ValueError(f'{options.model!r} is exported already; give the checkpoint.')
    predictor = load(options, 'torch')
    from ..inference.onnx_export import ParityError, export

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
