"""Draw a contact sheet of a dataset or of the network's input.

    python tools/browse.py configs/rcn_aflw.py --out sheet.png
    python tools/browse.py configs/rcn_aflw.py --mode input --out input.png

Visible true keypoints are blue dots, hidden keypoints are blue rings, the bounding
box of the face is white; a legend says so. With ``--mode input`` the sheet shows each
face as the network receives it: cropped, jittered, occluded and normalised.
"""

from __future__ import annotations

import argparse
import sys

import cv2
import numpy as np

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from rcn_mmpose.engine.config_check import check_config
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.image.contact_sheet import contact_sheet, draw_face
from rcn_mmpose.image.reading import read_image
from rcn_mmpose.io.image_files import write_image


def original_tile(dataset: object, index: int, side: int) -> np.ndarray:
    """Draw a face in its image, with its box."""
    face = dataset.get_data_info(index)
    image = read_image(face['img_path'])
    box = face['bbox'][0]
    hidden = np.asarray(face['raw_ann_info']['keypoints'])[2::3] == 1
    reach = 0.75 * max(box[2] - box[0], box[3] - box[1])
    centre = (box[:2] + box[2:]) / 2
    view = np.concatenate((centre - reach, centre + reach))
    return draw_face(image, face['keypoints'][0], None, hidden, box, view, side)


def input_tile(
    dataset: object, preprocessor: object, index: int, side: int
) -> np.ndarray:
    """Draw a face as the network receives it."""
    packed = dataset[index]
    batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
    crop = preprocessor(batch, training=True)['inputs'][0]
    crop = crop.float().mean(0).numpy()
    # Normalised crops have no fixed range: show 3 standard deviations.
    low, high = crop.mean() - 3 * crop.std(), crop.mean() + 3 * crop.std()
    grey = np.clip((crop - low) / max(high - low, 1e-6) * 255, 0, 255)
    points = packed['data_samples'].gt_instances.transformed_keypoints[0]
    return draw_face(grey.astype(np.uint8), points, side=side)


def main(args: list[str]) -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config file of the experiment')
    parser.add_argument(
        '--out', default='sheet.png', help='image to write (default: sheet.png)'
    )
    parser.add_argument(
        '--phase',
        choices=['train', 'val', 'test'],
        default='train',
        help='part of the data (default: train)',
    )
    parser.add_argument(
        '--mode',
        choices=['original', 'input'],
        default='original',
        help='the image with its box, or the input of the network (default: original)',
    )
    parser.add_argument(
        '--number', type=int, default=40, help='number of faces (default: 40)'
    )
    parser.add_argument(
        '--side', type=int, default=160, help='side of a tile in pixels (default: 160)'
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of the random selection of faces (default: 0)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change settings of the config',
    )
    options = parser.parse_args(args)

    cfg = Config.fromfile(options.config)
    cfg.merge_from_dict(options.cfg_options or {})
    check_config(cfg)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset_cfg = cfg[f'{options.phase}_dataloader'].dataset
    dataset_cfg.pipeline[-1].pack_transformed = True
    dataset = DATASETS.build(dataset_cfg)
    np.random.seed(options.seed)
    count = min(options.number, len(dataset))
    chosen = sorted(np.random.choice(len(dataset), count, replace=False))
    if options.mode == 'original':
        tiles = [original_tile(dataset, int(i), options.side) for i in chosen]
    else:
        preprocessor = MODELS.build(cfg.model.data_preprocessor)
        tiles = [
            input_tile(dataset, preprocessor, int(i), options.side) for i in chosen
        ]
    marks = ['truth', 'hidden', 'box'] if options.mode == 'original' else ['truth']
    write_image(options.out, contact_sheet(tiles, marks=marks))
    print(f'{options.out}: {count} of {len(dataset)} faces')


if __name__ == '__main__':
    run_script(main, sys.argv[1:], errors=(cv2.error,))
