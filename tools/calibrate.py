r"""Make confidence and covariance of a model hold, by validation faces.

    python tools/calibrate.py CONFIG CHECKPOINT --out CALIBRATED.pth \
        --plot reliability.png --json calibration.json

runs the config's validation faces through the model, finds the temperature of
its maps and the scale of its covariance, and prints what they are worth: how
far confidence lies from what happens (expected calibration error), and how
many truths lie in the ellipses, before, after, and on faces that were left
out. The checkpoint written carries the calibration in its config; keypoints
stay what they are. docs/confidence.md says more.
"""

from __future__ import annotations

import argparse
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
from rcn_mmpose.inference.loading import load_estimator
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.lab.calibration.fitting import (
    Figures,
    Statements,
    bins_of,
    fit,
    held_out,
    joined,
    measure,
    state,
)
from rcn_mmpose.lab.calibration.observation import (
    TEMPERATURES,
    observe,
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
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', help='write the calibrated checkpoint here')
    parser.add_argument('--json', help='write all figures to this file')
    parser.add_argument('--plot', help='draw the reliability diagram')
    parser.add_argument(
        '--faces',
        metavar='CONFIG',
        help='take the validation faces of this config, for one without any',
    )
    parser.add_argument('--batch-size', type=int, default=32)
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

    seen = observe(
        model.eval(),
        dataset,
        options.batch_size,
        lambda batches: track_iter_progress(batches, file=sys.stderr),
    )
    calibration = fit(seen)
    plain, fitted = state(seen, None), state(seen, calibration)
    left_out = list(held_out(seen))
    figures = dict(
        faces=len(dataset),
        radius_cells=seen.radius,
        **{
            name: write_down(said)
            for name, said in (
                ('before', plain),
                ('after', fitted),
                ('first_halving', joined(*left_out[:2])),
            )
        },
        held_out=[measure(said)._asdict() for said in left_out],
        calibration=vars(calibration),
    )
    print(f'\n{len(dataset)} faces of {faces.val_dataloader.dataset.ann_file}')
    print(table(plain, fitted, [measure(said) for said in left_out]))
    print(bin_table(joined(*left_out[:2])))
    print(f'model.head.decoder.calibration = dict{arguments(calibration)}')
    ends = TEMPERATURES[[0, -1]].round(4)
    if calibration.temperature in ends:
        print(
            'Note: that is the end of the temperatures tried; the confidence '
            'of this model may stay wrong.'
        )
    if options.plot:
        plot(options.plot, plain, joined(*left_out[:2]))
        print(options.plot)
    if options.json:
        text = json.dumps(figures, indent=1) + '\n'
        write_whole(options.json, text.encode())
        print(options.json)
    if options.out:
        cfg.model.head.decoder.calibration = vars(calibration)
        write_checkpoint(options.out, options.checkpoint, cfg, model, dataset)
        print(options.out)


def write_down(said: Statements) -> dict:
    """Put statements' figures and bins into a dict for json."""
    bins = bins_of(said)
    return dict(
        measure(said)._asdict(),
        bins={name: value.tolist() for name, value in bins._asdict().items()},
    )


def arguments(calibration: Calibration) -> str:
    """Write a calibration as a config does."""
    text = ', '.join(f'{k}={v}' for k, v in vars(calibration).items())
    return f'({text})'


def table(plain: Statements, fitted: Statements, left_out: list[Figures]) -> str:
    """Write figures in percent: before, after, of faces left out."""
    near = 100 * plain.near.mean()
    before, after = measure(plain), measure(fitted)
    lines = [
        f'{before.keypoints:,} keypoints, {near:.2f} % within the radius',
        f'{"in percent":26}{"before":>8}{"after":>8}   left out: mean '
        f'(least to most of {len(left_out)} halves)',
    ]
    rows = {'calibration error': [x.error for x in (before, after, *left_out)]}
    rows['logarithmic loss x 100'] = [x.log_loss for x in (before, after, *left_out)]
    for level in before.coverage:
        rows[f'truths in {level} % ellipse'] = [
            x.coverage[level] for x in (before, after, *left_out)
        ]
    for i, name in ((0, 'smallest'), (-1, 'largest')):
        rows[f'  90 %, fifth of {name}'] = [
            x.by_size[i] for x in (before, after, *left_out)
        ]
    for name, values in rows.items():
        first, second, *rest = (100 * value for value in values)
        lines.append(
            f'{name:26}{first:8.2f}{second:8.2f}{np.mean(rest):8.2f}   '
            f'({min(rest):.2f} to {max(rest):.2f})'
        )
    return '\n'.join(lines)


def bin_table(said: Statements) -> str:
    """Write the bins of equal number, of faces left out."""
    bins = bins_of(said)
    lines = ['left out: confidence, % and within the radius, %; keypoints']
    for confidence, share, count in zip(*bins, strict=True):
        lines.append(f'{100 * confidence:12.2f}{100 * share:9.2f}{count:8}')
    return '\n'.join(lines)


def plot(path: str, plain: Statements, left_out: Statements) -> None:
    """Draw before and after, the latter of faces left out."""
    both = {'before': plain, 'calibrated, left out': left_out}
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    draw_reliability(
        path,
        {name: bins_of(said) for name, said in both.items()},
        {
            name: (CURVE, np.array([said.coverage(x) for x in CURVE]))
            for name, said in both.items()
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
    """Write weights and a config with the calibration; no optimiser."""
    content = torch.load(source, map_location='cpu', weights_only=True)
    meta = content.get('meta', {}) if 'state_dict' in content else {}
    meta.setdefault('dataset_meta', dataset.metainfo)
    if 'refiner_checkpoint' in cfg.model:
        cfg.model.refiner_checkpoint = None  # its weights are in here
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
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
