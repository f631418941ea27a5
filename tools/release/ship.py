r"""Add a trained model to the models that ship with the package.

    python tools/release/ship.py work_dirs/rcn_5/best.pth --name rcn-5 \
        --trained-on 'MTFL, 9,000 faces' --terms research \
        --card docs/models/rcn-5.md --metrics metrics.json

writes rcn-5.pth (16-bit weights), rcn-5.py (the config), rcn-5.onnx and rcn-5.json
into rcn_mmpose/shipped/models/. It also updates index.json in that folder,
configs/metafile.yml, and the facts between two marks of the model card. The config
configs/shipped/rcn_5.py replaces the config in the checkpoint, except for a
calibration; the tool prints the differences. --joint DENOISER.pth joins a network
and a denoiser to one model.

The tool writes nothing if the 16-bit model predicts other keypoints than the trained
model, or if all models together are too large.

METRICS is a JSON file of test results, {"AFLW-5": {"NME cells": 5.6}}.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rcn_mmpose import compat

compat.activate()

import numpy as np
import torch
from mmengine.config import Config

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.geometry.boxes import box_from_extent, box_from_eyes_and_mouth
from rcn_mmpose.image.reading import read_image
from rcn_mmpose.inference import load_model
from rcn_mmpose.inference.torch_predictor import TorchPredictor
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.lab.complexity import count
from rcn_mmpose.lab.paper.markdown import put_between_marks
from rcn_mmpose.lab.release import packing, records
from rcn_mmpose.shipped.catalogue import (
    INDEX,
    ShippedModel,
    describe_file,
    index_text,
    shipped_models,
)
from rcn_mmpose.synthetic import render_face

ROOT = Path(__file__).resolve().parents[2]
NAME = r'[a-z0-9]+(-[a-z0-9]+)*'
MOST_BYTES = 10_000_000  # limit of all models together in the wheel
ENDINGS = ('.pth', '.py', '.onnx', '.json')


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py')
    parser.add_argument(
        '--name', required=True, help='name of the model, such as rcn-5'
    )
    parser.add_argument('--trained-on', required=True, help='training data, in words')
    parser.add_argument(
        '--terms',
        required=True,
        choices=records.TERMS,
        help='terms of use: '
        + ', '.join(f'{k} ({v})' for k, v in records.TERMS.items()),
    )
    parser.add_argument('--card', required=True, help='model card, a Markdown file')
    parser.add_argument('--metrics', help='JSON file of test results')
    parser.add_argument('--joint', metavar='DENOISER', help='checkpoint of a denoiser')
    parser.add_argument(
        '--config', help='default: configs/shipped/ and the name with _ for -'
    )
    parser.add_argument(
        '--faces',
        nargs=2,
        metavar=('ANNOTATIONS', 'IMAGES'),
        help='faces to measure the effect of 16-bit weights: a COCO json and the '
        'folder of its images; no test faces (default: rendered faces)',
    )
    parser.add_argument(
        '--count', type=int, default=48, help='number of these faces (default: 48)'
    )
    parser.add_argument(
        '--replace', action='store_true', help='replace a model of this name'
    )
    parser.add_argument(
        '--root',
        type=Path,
        default=ROOT,
        help='root folder of the project that receives the model (default: this one)',
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ship a model."""
    args = parse_args(arguments)
    shipped = args.root / 'rcn_mmpose' / 'shipped' / 'models'
    metafile = args.root / 'configs' / 'metafile.yml'
    models = shipped_models(shipped)
    check(args, models)
    config = find_config(args)
    training = packing.read_trained_network(args.checkpoint)
    config_to_ship = packing.shipped_config(Config.fromfile(config), training)
    config_to_ship.licence = records.TERMS[args.terms]
    for line in packing.config_differences(config_to_ship, training):
        print(f'note: {line}')
    if args.joint:
        training = packing.add_denoiser(
            training, packing.read_trained_network(args.joint)
        )
    metrics = records.read_metrics(args.metrics)
    with tempfile.TemporaryDirectory() as folder:
        halving = pack(args, Path(folder), training, config_to_ship)
        files = [Path(folder) / f'{args.name}{x}' for x in ENDINGS]
        counted = count(Config.fromfile(config))
        model = ShippedModel(
            name=args.name,
            keypoints=config_to_ship.model.head.out_channels,
            parameters=counted['params'],
            trained_on=args.trained_on,
            terms=records.TERMS[args.terms],
            date=date.today().isoformat(),
            config=config.relative_to(args.root.resolve()).as_posix(),
            files={file.name: describe_file(file) for file in files},
            metrics=metrics,
            halving=halving,
        )
        others = [
            shipped / name
            for other in models.values()
            if other.name != args.name
            for name in other.files
        ]
        check_size(files, others)
        models[args.name] = model
        index = index_text(models)
        metafile_text = records.metafile_with(
            metafile.read_text(encoding='utf-8'), model, counted['flops']
        )
        for file in files:
            write_whole(str(shipped / file.name), file.read_bytes())
    write_whole(str(shipped / INDEX), index.encode())
    write_whole(str(metafile), metafile_text.encode())
    put_between_marks(args.card, records.MARK, records.card_facts(model))
    print(records.card_facts(model))


def check(args: argparse.Namespace, models: dict[str, ShippedModel]) -> None:
    """Check the arguments before any computation."""
    if not re.fullmatch(NAME, args.name):
        raise ValueError(
            f'--name {args.name!r} must have lower-case letters and digits, '
            'separated by single dashes, such as rcn-5.'
        )
    if args.name in models and not args.replace:
        raise ValueError(
            f'{args.name!r} ships already, since {models[args.name].date}; '
            'give another --name, or --replace.'
        )
    if not Path(args.card).is_file():
        raise FileNotFoundError(
            f'--card {args.card!r} does not exist; write the file first, see '
            'docs/models/ for examples.'
        )
    if args.count < 1:
        raise ValueError(f'--count {args.count}; give 1 or more.')


def find_config(args: argparse.Namespace) -> Path:
    """Return the path of the config of the shipped model."""
    default = f'configs/shipped/{args.name.replace("-", "_")}.py'
    path = Path(args.config or args.root / default).resolve()
    if not path.is_file():
        raise FileNotFoundError(
            f'config {str(path)!r} does not exist; write the file, or '
            'give another one with --config.'
        )
    if not path.is_relative_to(args.root.resolve() / 'configs'):
        raise ValueError(
            f'config {str(path)!r} is not in the folder configs/, which ships '
            'with the package; move the file there.'
        )
    return path


def pack(
    args: argparse.Namespace,
    folder: Path,
    training: packing.TrainedNetwork,
    config_to_ship: Config,
) -> dict:
    """Write the files of the model; return the effect of the 16-bit weights."""
    full = folder / 'full.pth'
    torch.save(
        dict(
            state_dict=training.weights,
            meta=dict(dataset_meta=training.meta['dataset_meta']),
        ),
        full,
    )
    before = load_model(config_to_ship, full)
    checkpoint = folder / f'{args.name}.pth'
    packing.write_checkpoint(checkpoint, training, config_to_ship)
    packing.write_config(checkpoint.with_suffix('.py'), config_to_ship)
    after = load_model(checkpoint)
    crops = faces(args, after)
    halving = packing.compare_halved(before, after, crops)
    packing.write_onnx(after, checkpoint, crops)
    kind = 'rendered faces'
    if args.faces:
        kind = f'faces of {Path(args.faces[0]).stem}'
    return dict(halving, kind=kind)


def faces(args: argparse.Namespace, predictor: TorchPredictor) -> np.ndarray:
    """Crop the faces for the comparison, uint8 (N, H, W)."""
    crops = []
    if args.faces:
        annotations, folder = args.faces
        content = json.loads(Path(annotations).read_text(encoding='utf-8'))
        names = {x['id']: x['file_name'] for x in content['images']}
        for face in content['annotations'][: args.count]:
            x, y, width, height = face['bbox']
            image = read_image(os.path.join(folder, names[face['image_id']]))
            box = [x, y, x + width, y + height]
            crops.append(predictor.crop(image, [box]))
    else:
        for seed in range(args.count):
            face = render_face(seed)
            box = box_from_extent(face.keypoints)
            if len(predictor.info.keypoints) == 5:
                size = face.image.shape[1::-1]
                box = box_from_eyes_and_mouth(face.five, size)
            crops.append(predictor.crop(face.image, [box]))
    return np.concatenate(crops)


def check_size(files: list[Path], others: list[Path]) -> None:
    """Check that all models fit into the wheel, and print their size."""
    ours, rest = packing.size_in_wheel(files), packing.size_in_wheel(others)
    if ours + rest > MOST_BYTES:
        raise ValueError(
            f'the model takes {ours:,} bytes in the wheel, the others '
            f'{rest:,}; all together may take {MOST_BYTES:,}. Ship a smaller '
            'model.'
        )
    print(f'{ours:,} bytes in the wheel, with the others {ours + rest:,}')


if __name__ == '__main__':
    run_script(main)
