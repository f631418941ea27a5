r"""Calibrate the confidence and the covariance of a model on validation faces.

    python tools/calibrate.py CONFIG CHECKPOINT --out CALIBRATED.pth \
        --plot reliability.png --json calibration.json

runs the model on the validation faces of the config, fits the temperature of the
probability maps and the scale of the covariance, and prints the expected
calibration error and the fraction of truths in the ellipses: before, after, and
on held-out faces. The output checkpoint carries the calibration in its config;
keypoints do not change. docs/predict.md has more.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import sys
from collections.abc import Sequence

import numpy as np
import torch

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config, DictAction
from mmengine.utils import track_iter_progress
from torch import nn

from rcn_mmpose.codecs.calibration import Calibration
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.inference.estimator import load_estimator
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.io.checkpoint import read_checkpoint
from rcn_mmpose.lab.calibration.confidence_fit import (
    CalibrationScores,
    Outcomes,
    bins_of,
    fit,
    held_out,
    join_outcomes,
    outcomes_of,
    score,
)
from rcn_mmpose.lab.calibration.map_statistics import (
    TEMPERATURES,
    collect_statistics,
    validation_faces,
)
from rcn_mmpose.lab.calibration.reliability import draw_reliability

CURVE = np.arange(0.05, 1, 0.05)  # ellipses drawn


def main(args: Sequence[str]) -> None:
    """Calibrate a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config of the model')
    parser.add_argument('checkpoint', help='weights of the model')
    parser.add_argument('--out', help='write the calibrated checkpoint to this file')
    parser.add_argument('--json', help='write all numbers to this JSON file')
    parser.add_argument('--plot', help='draw the reliability diagram to this image')
    parser.add_argument(
        '--faces',
        metavar='CONFIG',
        help='use the validation faces of this config',
    )
    parser.add_argument('--batch-size', type=int, default=32, help='default: 32')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change settings of both configs',
    )
    options = parser.parse_args(args)
    if options.out and not options.out.endswith('.pth'):
        raise ValueError(f'--out {options.out!r} must end in .pth.')
    cfg = Config.fromfile(options.config)
    faces = Config.fromfile(options.faces) if options.faces else cfg
    for config in {id(cfg): cfg, id(faces): faces}.values():
        config.merge_from_dict(options.cfg_options or {})
    cfg.model.head.decoder.calibration = None
    model, _, _ = load_estimator(cfg, options.checkpoint)
    dataset = validation_faces(faces)

    statistics = collect_statistics(
        model.eval(),
        dataset,
        options.batch_size,
        lambda batches: track_iter_progress(batches, file=sys.stderr),
    )
    calibration = fit(statistics)
    plain, fitted = outcomes_of(statistics, None), outcomes_of(statistics, calibration)
    unseen = list(held_out(statistics))
    content = dict(
        faces=len(dataset),
        radius_cells=statistics.radius,
        **{
            name: scores_and_bins(outcomes)
            for name, outcomes in (
                ('before', plain),
                ('after', fitted),
                ('first_halving', join_outcomes(*unseen[:2])),
            )
        },
        held_out=[score(outcomes)._asdict() for outcomes in unseen],
        calibration=vars(calibration),
    )
    print(f'\n{len(dataset)} faces of {faces.val_dataloader.dataset.ann_file}')
    print(table(plain, fitted, [score(outcomes) for outcomes in unseen]))
    print(bin_table(join_outcomes(*unseen[:2])))
    print(f'model.head.decoder.calibration = dict{arguments(calibration)}')
    ends = TEMPERATURES[[0, -1]].round(4)
    if calibration.temperature in ends:
        print(
            'Note: the temperature is at the end of the tested range; the '
            'confidence of this model may still be wrong.'
        )
    if options.plot:
        plot(options.plot, plain, join_outcomes(*unseen[:2]))
        print(options.plot)
    if options.json:
        text = json.dumps(content, indent=1) + '\n'
        write_whole(options.json, text.encode())
        print(options.json)
    if options.out:
        cfg.model.head.decoder.calibration = vars(calibration)
        write_checkpoint(options.out, options.checkpoint, cfg, model, dataset)
        print(options.out)


def scores_and_bins(outcomes: Outcomes) -> dict:
    """Return scores and bins as a dict for JSON."""
    bins = bins_of(outcomes)
    return dict(
        score(outcomes)._asdict(),
        bins=dict(
            confidence=bins.confidence.tolist(),
            share=bins.share.tolist(),
            count=bins.number.tolist(),
        ),
    )


def arguments(calibration: Calibration) -> str:
    """Format a calibration as a config does."""
    text = ', '.join(f'{k}={v}' for k, v in vars(calibration).items())
    return f'({text})'


def table(plain: Outcomes, fitted: Outcomes, unseen: list[CalibrationScores]) -> str:
    """Format the scores in percent: before, after, on held-out faces."""
    near = 100 * plain.near.mean()
    before, after = score(plain), score(fitted)
    lines = [
        f'{before.keypoints:,} keypoints, {near:.2f} % within the radius',
        f'{"in percent":26}{"before":>8}{"after":>8}   held out: mean '
        f'(least to most of {len(unseen)} halves)',
    ]
    rows = {'calibration error': [x.error for x in (before, after, *unseen)]}
    rows['logarithmic loss x 100'] = [x.log_loss for x in (before, after, *unseen)]
    for level in before.coverage:
        rows[f'truths in {level} % ellipse'] = [
            x.coverage[level] for x in (before, after, *unseen)
        ]
    for i, name in ((0, 'smallest'), (-1, 'largest')):
        rows[f'  90 %, fifth of {name}'] = [
            x.by_size[i] for x in (before, after, *unseen)
        ]
    for name, values in rows.items():
        first, second, *rest = (100 * value for value in values)
        lines.append(
            f'{name:26}{first:8.2f}{second:8.2f}{np.mean(rest):8.2f}   '
            f'({min(rest):.2f} to {max(rest):.2f})'
        )
    return '\n'.join(lines)


def bin_table(outcomes: Outcomes) -> str:
    """Format the bins of equal number of held-out faces."""
    bins = bins_of(outcomes)
    lines = ['held out: confidence, % and within the radius, %; keypoints']
    for confidence, share, count in zip(*bins, strict=True):
        lines.append(f'{100 * confidence:12.2f}{100 * share:9.2f}{count:8}')
    return '\n'.join(lines)


def plot(path: str, plain: Outcomes, unseen: Outcomes) -> None:
    """Draw the model before calibration, and held-out faces after it."""
    both = {'before': plain, 'calibrated, held out': unseen}
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    draw_reliability(
        path,
        {name: bins_of(outcomes) for name, outcomes in both.items()},
        {
            name: (CURVE, np.array([outcomes.coverage(x) for x in CURVE]))
            for name, outcomes in both.items()
        },
        'truths within the radius',
    )


def write_checkpoint(
    path: str,
    source: str,
    cfg: Config,
    model: nn.Module,
    dataset: torch.utils.data.Dataset,
) -> None:
    """Write a checkpoint with the calibrated config, without the optimiser."""
    _, meta = read_checkpoint(source)
    meta.setdefault('dataset_meta', dataset.metainfo)
    cfg = copy.deepcopy(cfg)
    if 'refiner_checkpoint' in cfg.model:
        cfg.model.refiner_checkpoint = None  # this file has the weights of both
    file = io.BytesIO()
    torch.save(
        dict(
            meta=dict(meta, cfg=cfg.pretty_text),
            state_dict=model.state_dict(),
        ),
        file,
    )
    write_whole(path, file.getvalue())


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
