r"""Measure the horizontal bias of labels with mirrored images.

    python tools/analysis_tools/mirror_bias.py rcn-5 --data mtfl_val
    python tools/analysis_tools/mirror_bias.py work_dirs/rcn_own/best.pth \
        --config configs/rcn_own.py

predicts the keypoints of every image and of its mirror image. The difference of the
two predictions shows the bias that the network learned from its labels. The mean of
the two predictions has no bias, so the labels are compared with the mean. The tool
prints medians in pixels of the image, positive to the right, for all faces and for
the most frequent image sizes, because the size often identifies the source of an
image. A bias of one pixel means that the labels are 1-based; then they also lie one
pixel too low, which this tool cannot measure. Use faces that the network was not
trained on. Do not use test faces.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.cli import progress
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.inference import load_model
from rcn_mmpose.lab.report.annotated_faces import (
    LISTS,
    faces_of_config,
    faces_of_list,
)
from rcn_mmpose.lab.report.mirror_bias import MirrorBias, mirror_bias


def main(args: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('model', help='a checkpoint, an .onnx, a name, or a config')
    parser.add_argument('--checkpoint', help='weights, if the model is a config')
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument('--data', help=f'one of: {", ".join(LISTS)}')
    data.add_argument('--config', help='use the validation faces of this config')
    parser.add_argument('--data-root', default='data', help='data folder for --data')
    parser.add_argument(
        '--sizes', type=int, default=3, help='number of image sizes (default: 3)'
    )
    options = parser.parse_args(args)
    if options.data:
        faces = faces_of_list(options.data, options.data_root)
    else:
        faces = faces_of_config(options.config)
    if faces.is_test:
        raise ValueError(
            f'{faces.ann_file!r} holds test faces; do not use their labels '
            'before the test. Use other faces, such as mtfl_val.'
        )
    model = load_model(options.model, options.checkpoint, box_rule=dict(rule='given'))
    with progress(f'{faces.name}: faces', len(faces.faces)) as advance:
        bias = mirror_bias(model, faces, advance)
    print(f'{"pixels to the right":34}  ' + ' '.join(model.info.keypoints))
    print('\n'.join(table(bias, options.sizes)))
    part = np.nanmean(bias.labels / bias.sides[:, None])
    print(
        f'On average the labels lie {100 * part:+.2f} % of the side of the box '
        f'to the right: label_bias={part:.4f} of rcn_mmpose.FlipFace.'
    )


def table(bias: MirrorBias, most: int) -> list[str]:
    """Format the medians of all faces and of the most frequent image sizes."""
    groups = {'all': np.ones(len(bias.sizes), bool)}
    for size, _ in Counter(bias.sizes).most_common(most):
        rows = np.array([found == size for found in bias.sizes])
        groups[f'{size[0]}x{size[1]}'] = rows
    lines = []
    for name, rows in groups.items():
        for what, values in (
            ('labels', bias.labels),
            ('network', bias.network),
        ):
            medians = np.nanmedian(values[rows], axis=0)
            head = f'{name}, {rows.sum():,} faces: {what}'
            numbers = ' '.join(f'{value:+.2f}' for value in medians)
            lines.append(f'{head:34}  {numbers}')
    return lines


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
