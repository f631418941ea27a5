"""Report on a test: images of faces, error curves and a table of errors.

    python tools/test.py CONFIG CHECKPOINT --dump predictions.pkl
    python tools/report.py CONFIG predictions.pkl --out report

writes faces.png (random faces), worst.png (the faces with the largest errors),
ced.png (the cumulative error distributions) and errors.csv (the errors of each
face, for rcn-mmpose plot), and prints a table of the errors that the FaceNME of
the config measures. In the images of faces a legend explains the marks: blue
dots are true keypoints, yellow crosses are predicted keypoints, and a white line
joins each pair. Each face has the name of its image, its id and its error.

The predictions are a pickle file. A malicious pickle file can run any program:
open only files that you wrote.
"""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config
from mmengine.fileio import load
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.evaluation.ced import draw_curves
from rcn_mmpose.evaluation.error_file import write_errors
from rcn_mmpose.evaluation.error_table import ErrorTable
from rcn_mmpose.evaluation.faces import fields_of, one_per_face, read_face
from rcn_mmpose.io.image_files import write_image
from rcn_mmpose.lab.report.face_sheets import named_tile, sheet_of
from rcn_mmpose.registry import METRICS


def measure(cfg: Config, predictions: list[dict]) -> ErrorTable:
    """Measure dumped predictions by the FaceNME of a config.

    Args:
        cfg (Config): Config of the test.
        predictions (list[dict]): Tested samples.

    Returns:
        ErrorTable: The errors, with all details.

    Raises:
        ValueError: If the config has no FaceNME.
    """
    evaluators = cfg.test_evaluator
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    ours = [e for e in evaluators if e.type == 'rcn_mmpose.FaceNME']
    if not ours:
        raise ValueError(
            'the test_evaluator of the config has no rcn_mmpose.FaceNME, which '
            'measures the errors; add one.'
        )
    metric = METRICS.build(dict(ours[0], detailed=True))
    metric.dataset_meta = DATASETS.build(
        dict(cfg.test_dataloader.dataset, lazy_init=True)
    ).metainfo
    fields = fields_of(metric.plan.subsets.values())
    faces = one_per_face(read_face(sample, fields) for sample in predictions)
    return ErrorTable(faces, metric.plan)


def main(args: list[str]) -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config of the test')
    parser.add_argument('predictions', help='file that tools/test.py --dump wrote')
    parser.add_argument('--out', default='report', help='output folder')
    parser.add_argument('--number', type=int, default=40, help='faces per image')
    parser.add_argument('--seed', type=int, default=0, help='seed of the random faces')
    parser.add_argument(
        '--limit', type=float, default=15, help='right end of the curves, percent'
    )
    parser.add_argument(
        '--each-keypoint', action='store_true', help='list the error of each keypoint'
    )
    options = parser.parse_args(args)

    cfg = Config.fromfile(options.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    table = measure(cfg, load(options.predictions))
    curves = {
        f'{protocol}, {normaliser}': table.errors(protocol, normaliser)
        for normaliser in table.plan.normalisers
        for protocol in table.protocols
    }
    quantity, main_errors = next(iter(curves.items()))

    os.makedirs(options.out, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    count = min(options.number, len(table.faces))
    chosen = {
        'faces.png': rng.choice(len(table.faces), count, replace=False),
        'worst.png': np.argsort(-main_errors)[:count],
    }
    for name, indices in chosen.items():
        tiles = [named_tile(table.faces[i], main_errors[i]) for i in indices]
        sheet = sheet_of(tiles, f'error of the face ({quantity})', hidden=False)
        path = os.path.join(options.out, name)
        write_image(path, sheet)
    draw_curves(
        os.path.join(options.out, 'ced.png'),
        curves,
        'error of a face',
        options.limit,
        threshold=10,
    )
    write_errors(os.path.join(options.out, 'errors.csv'), table)
    print(f'{table.faces[0].dataset}: {len(table.faces)} faces, in percent')
    print(table.table(options.each_keypoint))
    print()
    print(f'{"all faces, all keypoints":30}{"median":>10}{"90 of 100":>12}')
    for name, errors in curves.items():
        print(f'{name:30}{np.median(errors):10.2f}{np.percentile(errors, 90):12.2f}')
    for name in (*chosen, 'ced.png', 'errors.csv'):
        print(os.path.join(options.out, name))


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
