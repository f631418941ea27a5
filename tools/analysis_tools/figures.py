r"""Draw a figure of the paper from trained models.

    python tools/analysis_tools/figures.py s1 --model SumNet CONFIG CHECKPOINT \
        --model RCN CONFIG CHECKPOINT --face 3
    python tools/analysis_tools/figures.py 3 --model SumNet CONFIG CHECKPOINT \
        --model RCN CONFIG CHECKPOINT
    python tools/analysis_tools/figures.py 7 \
        --model joint configs/joint_300w.py RCN.pth \
        --cfg-options model.refiner_checkpoint=DENOISER.pth

s1   score maps of SumNet's branches, their sum, and RCN's (one SumNet, one RCN)
s2   log of the error by the difficulty of faces (any models)
3    faces from easy to hard (any models; the paper: SumNet and RCN with 5
     branches, each without and with occlusion)
7    RCN, denoiser and joint model (one joint model)
ced  cumulative error distributions (any models)

The faces come from the configs' test sets; for 5 keypoints also from AFW, if
its files exist. With --data synthetic they come from tools/render_faces.py.
Images with real faces are only written below work_dirs/.
"""

from __future__ import annotations

import argparse
import os
import os.path as osp
import sys

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config
from mmengine.registry import init_default_scope

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.evaluation.ced import draw_curves
from rcn_mmpose.lab.paper import branch_maps, difficulty, joint_samples
from rcn_mmpose.lab.paper.experiment import parse_options
from rcn_mmpose.lab.paper.experiment_data import (
    keypoints_of,
    missing_path,
    synthetic_options,
)
from rcn_mmpose.lab.paper.tables import SYNTHETIC, load_tables
from rcn_mmpose.lab.paper.tested_faces import (
    FaceErrors,
    build_dataset,
    build_model,
    join,
    predict,
)

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
TABLES = osp.join(ROOT, 'configs', 'paper', 'tables.yml')
# Number of models of each figure; None for any number.
MODELS = {'s1': 2, 's2': None, '3': None, '7': 1, 'ced': None}
WITH_FACES = ('s1', '3', '7')


def parse_args(args: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('figure', choices=MODELS, help='what is drawn')
    parser.add_argument(
        '--model',
        nargs=3,
        action='append',
        required=True,
        metavar=('LABEL', 'CONFIG', 'CHECKPOINT'),
        help='a model; repeat the option for each model',
    )
    parser.add_argument(
        '--data', choices=['real', SYNTHETIC], default='real', help='faces'
    )
    parser.add_argument(
        '--synthetic-root',
        default='data/synthetic/',
        help='folder of tools/render_faces.py (default: data/synthetic/)',
    )
    parser.add_argument(
        '--faces', type=int, help='maximum number of faces, evenly spread'
    )
    parser.add_argument(
        '--face', type=int, default=0, help='of s1: number of the face (default: 0)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of 3: seed of the choice of faces'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='change settings of all configs',
    )
    parser.add_argument(
        '--out',
        help='path of the image (default: work_dirs/figures/figure_NAME.png;\n'
        'without real faces docs/figures/figure_NAME.png)',
    )
    return parser.parse_args(args)


def place(options: argparse.Namespace) -> str:
    """Choose the path of the image and create its folder.

    Raises:
        ValueError: If real faces would be written among the project's files.
    """
    real = options.data == 'real' and options.figure in WITH_FACES
    end = '' if options.data == 'real' else f'_{SYNTHETIC}'
    folder = 'work_dirs' if real else 'docs'
    path = options.out or osp.join(
        folder, 'figures', f'figure_{options.figure}{end}.png'
    )
    inside = osp.realpath(path).startswith(osp.realpath(ROOT) + os.sep)
    ignored = osp.realpath(osp.join(ROOT, 'work_dirs')) + os.sep
    if real and inside and not osp.realpath(path).startswith(ignored):
        raise ValueError(
            f'--out {path!r} would put real faces among the files of the '
            'project; write them below work_dirs/, or use --data synthetic.'
        )
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    return path


def load_config(path: str, options: argparse.Namespace) -> Config:
    """Read a config and apply the changes of the command line."""
    if not osp.isfile(path):
        raise FileNotFoundError(f'config {path!r} does not exist.')
    cfg = Config.fromfile(path)
    if options.data == SYNTHETIC:
        changes = synthetic_options(cfg, options.synthetic_root)
        cfg.merge_from_dict(changes)
    cfg.merge_from_dict(parse_options(options.cfg_options))
    return cfg


def datasets_of(cfg: Config, data: str) -> list:
    """Build the test sets of a config whose files exist.

    Raises:
        FileNotFoundError: If the files of the first test set are missing.
    """
    changes: list[dict] = [{}]
    if data == 'real':
        tests = load_tables(TABLES).tests_of(keypoints_of(cfg))
        for test in tests:
            changed = Config(cfg.to_dict())
            changed.merge_from_dict(test.options)
            if test.options and not missing_path(changed.test_dataloader.dataset):
                changes.append(test.options)
    return [build_dataset(cfg, change) for change in changes]


def test_all(options: argparse.Namespace) -> dict[str, FaceErrors]:
    """Test all models on all test sets."""
    tested = {}
    for label, config, checkpoint in options.model:
        cfg = load_config(config, options)
        model = build_model(cfg, checkpoint)
        parts = [
            predict(model, dataset, options.faces)
            for dataset in datasets_of(cfg, options.data)
        ]
        tested[label] = join(parts)
        errors = tested[label].errors
        print(f'{label}: {len(errors)} faces, error {errors.mean():.2f} %')
    return tested


def main(args: list[str]) -> None:
    """Draw the figure."""
    options = parse_args(args)
    needed = MODELS[options.figure]
    labels = [label for label, _, _ in options.model]
    if needed not in (None, len(labels)) or len(set(labels)) < len(labels):
        raise ValueError(
            f'models {labels}: figure {options.figure} needs '
            f'{needed or "one or more"}, each with a label of its own.'
        )
    for _, _, checkpoint in options.model:
        if not osp.isfile(checkpoint):
            raise FileNotFoundError(f'checkpoint {checkpoint!r} does not exist.')
    path = place(options)
    init_default_scope('mmpose')
    if options.figure == 's1':
        cfgs = [load_config(c, options) for _, c, _ in options.model]
        models = [
            build_model(cfg, checkpoint)
            for cfg, (_, _, checkpoint) in zip(cfgs, options.model, strict=True)
        ]
        dataset = datasets_of(cfgs[0], options.data)[0]
        if not 0 <= options.face < len(dataset):
            raise ValueError(f'--face {options.face}: give 0 to {len(dataset) - 1}.')
        branch_maps.draw(path, *models, dataset, options.face)
    elif options.figure == '7':
        ((_, config, checkpoint),) = options.model
        cfg = load_config(config, options)
        dataset = datasets_of(cfg, options.data)[0]
        tested = joint_samples.predict_all(
            build_model(cfg, checkpoint), dataset, options.faces
        )
        for label, (_, errors) in tested.items():
            print(f'{label}: {len(errors)} faces, error {errors.mean():.2f} %')
        joint_samples.draw(path, tested)
    else:
        tested = test_all(options)
        if options.figure == '3':
            difficulty.draw_samples(path, tested, options.seed)
        elif options.figure == 's2':
            difficulty.draw_log_errors(path, tested)
        else:
            draw_curves(
                path,
                {label: errors for label, (_, errors) in tested.items()},
                'error of a face',
                15,
            )
    print(path)


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
