r"""Detect hidden keypoints by their confidence: ROC area, hidden against visible.

    python tools/analysis_tools/hidden_keypoints.py CONFIG CHECKPOINT
    python tools/analysis_tools/hidden_keypoints.py CONFIG CHECKPOINT --paste

The first command uses the visibility flags of the validation faces (1 hidden, 2
visible), which synthetic faces have. The second command draws an object of the
synthetic faces, a hand or a phone, in front of each validation face; the covered
keypoints are the hidden ones. The tool prints the mean confidence, the fraction of
truths within the radius of the confidence, and the area under the ROC curve of
1 - confidence as a detector of hidden keypoints, with its 95 % interval over
faces, and the mean area of the single keypoints.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmengine.utils import track_iter_progress
from mmpose.structures import PoseDataSample
from torch import nn

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.evaluation.faces import read_face
from rcn_mmpose.image.contact_sheet import contact_sheet
from rcn_mmpose.inference.estimator import load_estimator
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.io.image_files import write_image
from rcn_mmpose.lab.calibration.map_statistics import validation_faces
from rcn_mmpose.lab.calibration.roc import (
    area_under_roc,
    area_within,
)
from rcn_mmpose.synthetic.paste import paste_object


class Found(NamedTuple):
    """Confidence and truth of the K keypoints of N faces, each (N, K).

    Attributes:
        confidence: Predicted confidence.
        near: Whether the truth lies within the radius of the confidence.
        hidden: Whether the keypoint is hidden.
        counts: Whether the keypoint is labelled and inside the crop.
    """

    confidence: np.ndarray
    near: np.ndarray
    hidden: np.ndarray
    counts: np.ndarray


def main(args: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config of the model')
    parser.add_argument('checkpoint', help='weights of the model')
    parser.add_argument(
        '--faces',
        metavar='CONFIG',
        help='use the validation faces of this config',
    )
    parser.add_argument('--paste', action='store_true', help='cover parts of the faces')
    parser.add_argument('--seed', type=int, default=0, help='seed of the objects')
    parser.add_argument('--json', help='write the numbers to this JSON file')
    parser.add_argument('--sheet', help='draw some crops to this image')
    parser.add_argument('--batch-size', type=int, default=32, help='default: 32')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change settings of both configs',
    )
    options = parser.parse_args(args)
    cfg = Config.fromfile(options.config)
    faces = Config.fromfile(options.faces) if options.faces else cfg
    for config in {id(cfg): cfg, id(faces): faces}.values():
        config.merge_from_dict(options.cfg_options or {})
    model, _, _ = load_estimator(cfg, options.checkpoint)
    dataset = validation_faces(faces)
    seed = options.seed if options.paste else None
    found, crops = predict(model.eval(), dataset, options.batch_size, seed)
    if options.sheet:
        write_image(options.sheet, contact_sheet(crops))
    figures = measure(found)
    name = faces.val_dataloader.dataset.ann_file
    how = 'covered by objects' if options.paste else 'hidden by their flags'
    print(
        f'\n{len(dataset)} faces of {name}: {figures["hidden"]:,} keypoints '
        f'{how}, {figures["seen"]:,} visible\n'
        f'mean confidence, and truths within the radius: hidden '
        f'{figures["confidence_hidden"]:.3f}, {figures["near_hidden"]:.3f}; '
        f'visible {figures["confidence_seen"]:.3f}, '
        f'{figures["near_seen"]:.3f}\n'
        f'area under ROC: {figures["area"]:.3f} (95 %: {figures["low"]:.3f} '
        f'to {figures["high"]:.3f}), between keypoints of one kind '
        f'{figures["area_within"]:.3f}'
    )
    if options.json:
        text = json.dumps(figures, indent=1) + '\n'
        write_whole(options.json, text.encode())


def measure(found: Found) -> dict[str, float]:
    """Compare hidden keypoints with visible keypoints.

    Raises:
        ValueError: If no keypoint is hidden, or no keypoint is visible.
    """
    confidence, near, hidden, counts = found
    if not (hidden & counts).any():
        raise ValueError(
            'no keypoint of these faces is flagged as hidden; hide some with '
            '--paste, or use synthetic faces.'
        )
    area = area_under_roc(1 - confidence, hidden, counts)
    covered, seen = hidden & counts, ~hidden & counts
    return dict(
        faces=len(confidence),
        hidden=area.positive,
        seen=area.negative,
        confidence_hidden=float(confidence[covered].mean()),
        confidence_seen=float(confidence[seen].mean()),
        near_hidden=float(near[covered].mean()),
        near_seen=float(near[seen].mean()),
        area=area.area,
        low=area.low,
        high=area.high,
        area_within=area_within(1 - confidence, hidden, counts),
    )


def predict(
    model: nn.Module,
    dataset: torch.utils.data.Dataset,
    batch_size: int,
    seed: int | None,
) -> tuple[Found, list[np.ndarray]]:
    """Predict as a test does.

    Args:
        model (nn.Module): The model.
        dataset (Dataset): Faces with the pipeline of a test.
        batch_size (int): Faces at once.
        seed (int, optional): Seed of the objects in front of the faces; None to
            draw no object and read the flags of the annotations.

    Returns:
        tuple: Confidence and truth, and the first crops as BGR images.
    """
    parts, crops = [], []
    codec = model.head.decoder
    starts = range(0, len(dataset), batch_size)
    for start in track_iter_progress(starts, file=sys.stderr):
        rows = range(start, min(start + batch_size, len(dataset)))
        batch, flags = [], []
        for i in rows:
            packed = dataset[i]
            sample = packed['data_samples']
            if seed is None:
                hidden = flagged(sample)
            else:
                random = np.random.default_rng((seed, sample.id))
                packed['inputs'], hidden = cover(random, packed['inputs'], sample)
            batch.append(packed)
            flags.append(hidden)
            if len(crops) < 40:
                crop = packed['inputs'].permute(1, 2, 0).numpy()
                crops.append(np.repeat(crop, 3 // crop.shape[-1], -1))
        with torch.inference_mode():
            samples = model.test_step(pseudo_collate(batch))
        for sample, hidden in zip(samples, flags, strict=True):
            face = read_face(sample.to_dict())
            apart = (face.pred - face.truth) / face.scale * face.size
            near = np.linalg.norm(apart, axis=-1) <= (
                codec.score_radius_cells * codec.stride
            )
            scores = sample.pred_instances.keypoint_scores[0]
            counts = face.visible & in_crop(sample)[1]
            parts.append((scores, near, hidden, counts))
    return Found(*(np.stack(part) for part in zip(*parts, strict=True))), crops


def flagged(sample: PoseDataSample) -> np.ndarray:
    """Return whether the annotation flags each keypoint as hidden, bool (K,)."""
    flags = np.array(sample.metainfo['raw_ann_info']['keypoints'])
    return flags.reshape(-1, 3)[:, 2] == 1


def in_crop(sample: PoseDataSample) -> tuple[np.ndarray, np.ndarray]:
    """Map the truth to pixels of the crop; also return whether it lies inside."""
    meta = sample.metainfo
    size = np.array(meta['input_size'])
    points = sample.gt_instances.keypoints[0] - meta['input_center']
    points = (points / meta['input_scale'] + 0.5) * size
    return points, ((points > -0.5) & (points < size - 0.5)).all(-1)


def cover(
    random: np.random.Generator, crop: torch.Tensor, sample: PoseDataSample
) -> tuple[torch.Tensor, np.ndarray]:
    """Draw an object in front of a face, (C, H, W); return the hidden keypoints too."""
    image = crop.permute(1, 2, 0).numpy()
    grey = image.shape[-1] == 1
    image, hidden = paste_object(
        random, image[..., 0] if grey else image, in_crop(sample)[0]
    )
    image = image[..., None] if grey else image
    return torch.from_numpy(image).permute(2, 0, 1).contiguous(), hidden


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
