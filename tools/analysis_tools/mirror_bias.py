"""Tell whether labels lie to one side of what they mean.

    python tools/analysis_tools/mirror_bias.py rcn-5 --data mtfl_val
    python tools/analysis_tools/mirror_bias.py best.pth --config configs/rcn_own.py

predicts the faces as they are and mirrored. What a network learned from
labels that lie to one side shows as the difference of both; the mean of both
is free of it, and the labels are compared with that mean. Printed are
medians in pixels of the image, positive to the right, for all faces and for
the commonest sizes of images, which often go with their sources. Labels
that lie a whole pixel to the right were counted from 1; they lie as far below,
which no mirror shows. Faces that the network was not trained on tell most;
test faces are not for this.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.cli.console import progress
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
    parser.add_argument('--checkpoint', help='weights to go with a config')
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument('--data', help=f'one of: {", ".join(LISTS)}')
    data.add_argument('--config', help='the validation faces of a config')
    parser.add_argument('--data-root', default='data', help='for --data')
    parser.add_argument('--sizes', type=int, default=3, help='of images (default: 3)')
    options = parser.parse_args(args)
    if options.data:
        faces = faces_of_list(options.data, options.data_root)
    else:
        faces = faces_of_config(options.config)
    if faces.is_test:
        raise ValueError(
            f'{faces.ann_file!r} holds test faces; nothing is to be learned '
            'from their labels before the test. Take others, such as '
            'mtfl_val.'
        )
    model = load_model(options.model, options.checkpoint, box_rule=dict(rule='given'))
    with progress(f'{faces.name}: faces', len(faces.faces)) as advance:
        bias = mirror_bias(model, faces, advance)
    print(f'{"pixels to the right":34}  ' + ' '.join(model.info.keypoints))
    print('\n'.join(table(bias, options.sizes)))
    part = np.nanmean(bias.labels / bias.sides[:, None])
    print(
        f'All labels lie {100 * part:+.2f} % of the side of the box to the '
        f'right (mean): label_bias={part:.4f} of rcn_mmpose.FlipFace.'
    )


def table(bias: MirrorBias, most: int) -> list[str]:
    """Write the medians of all faces and of the commonest sizes."""
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
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
