"""The face lists and the schedule of an experiment."""
# DOCS The faces of an experiment: where they are listed, and other ones.
# DOCS
# DOCS The schedule of an experiment for another number of epochs.

from __future__ import annotations

import functools
import json
import os
import os.path as osp
from typing import Any

from mmengine.config import Config


def keypoints_of(cfg: Config) -> int:
    """Return K, the number of keypoints of a config's model."""
    head = cfg.model.head
    return head.get('out_channels') or head.num_joints


def synthetic_options(cfg: Config, data_root: str) -> dict[str, Any]:
    """Find what to change for synthetic faces.

    Args:
        cfg (Config): Of an experiment with 5 or 68 keypoints.
        data_root (str): Folder that tools/render_faces.py wrote.

    Returns:
        dict[str, Any]: Values by dotted key.
    """
    options: dict[str, Any] = {}
    for part in ('train', 'val', 'test'):
        loader = cfg.get(f'{part}_dataloader')
        if loader is None:
            continue
        prefix = loader.dataset.data_prefix.img and f'images/{part}/'
        place = f'{part}_dataloader.dataset'
        options[f'{place}.type'] = 'rcn_mmpose.OwnFaceDataset'
        options[f'{place}.data_root'] = data_root
        options[f'{place}.ann_file'] = f'annotations/{part}_{keypoints_of(cfg)}.json'
        options[f'{place}.data_prefix.img'] = prefix
        evaluator = cfg.get(f'{part}_evaluator') or {}
        if 'normalisers' in evaluator:
            # what the annotations of synthetic faces define
            options[f'{part}_evaluator.normalisers'] = '[eye_centres]'
    return options


def missing_of(dataset: dict) -> str:
    """Name a file or folder of a dataset that is missing, or none."""
    root = dataset.get('data_root') or ''
    for path, there in (
        (dataset['ann_file'], osp.isfile),
        (dataset['data_prefix']['img'], osp.isdir),
    ):
        path = osp.join(root, path)
        if not there(path):
            return path
    return ''


def faces_of(dataset: dict) -> dict[str, Any]:
    """Read which faces a dataset has.

    Args:
        dataset (dict): Its config.

    Returns:
        dict[str, Any]: ``list``, what the annotations call it, and ``faces``,
        how many there are.

    Raises:
        ValueError: If the annotation file is cut short.
    """
    path = osp.join(dataset.get('data_root') or '', dataset['ann_file'])
    return dict(_read_list(path, os.stat(path).st_mtime_ns))


@functools.lru_cache
def _read_list(path: str, changed: int) -> dict[str, Any]:
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        faces = len(content['annotations'])
    except (ValueError, KeyError) as error:
        raise ValueError(
            f'annotation file {path!r} is no whole COCO json '
            f'({type(error).__name__}: {error}); make it again.'
        ) from error
    name = content.get('info', {}).get('description') or osp.basename(path)
    return dict(list=name, faces=faces)


def epoch_options(cfg: Config, epochs: int) -> dict[str, int]:
    """Find what to change for a training of another length.

    All that happens at some epoch moves in proportion: of 30 epochs with a
    warm-up of 2, 15 have a warm-up of 1. No part of the schedule gets
    shorter than an epoch.

    Args:
        cfg (Config): Of the experiment.
        epochs (int): The new number.

    Returns:
        dict[str, int]: Values by dotted key; none if the number is the old.

    Raises:
        ValueError: If the number is not positive, or a part of the schedule
            does not count epochs.
    """
    if epochs < 1:
        raise ValueError(f'{epochs} epochs; give 1 or more.')
    before = cfg.train_cfg.max_epochs
    if epochs == before:
        return {}
    options = {'train_cfg.max_epochs': epochs}

    def moved(epoch: int) -> int:
        return epoch and max(1, int(epoch * epochs / before + 0.5))

    for i, part in enumerate(cfg.get('param_scheduler') or ()):
        unknown = {'T_max', 'milestones', 'step_size', 'total_steps'} & set(part)
        if unknown or 'end' not in part or not part.get('by_epoch', True):
            raise ValueError(
                f'param_scheduler[{i}] ({part["type"]}) cannot be moved to '
                f'{epochs} epochs: it must count epochs and have an `end`, '
                f'and no {", ".join(sorted(unknown)) or "other length"}.'
            )
        place, end = f'param_scheduler.{i}', moved(part.end)
        options[f'{place}.end'] = end
        if part.get('begin', 0):
            options[f'{place}.begin'] = min(moved(part.begin), end - 1)
    return options
