"""The datasets of an experiment: files, face lists, synthetic faces."""

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
    """Return the config changes that replace all datasets by synthetic faces.

    Args:
        cfg (Config): Config of an experiment with 5 or 68 keypoints.
        data_root (str): Folder written by tools/render_faces.py.

    Returns:
        dict[str, Any]: New values by dotted key.
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
            # The only normaliser that synthetic annotations define.
            options[f'{part}_evaluator.normalisers'] = '[eye_centres]'
    return options


def missing_path(dataset: dict) -> str:
    """Return the first missing file or folder of a dataset, or ``''``."""
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
    """Read the name and the size of a dataset's face list.

    Args:
        dataset (dict): Config of the dataset.

    Returns:
        dict[str, Any]: ``list``, the description in the annotation file, and
        ``faces``, the number of faces.

    Raises:
        ValueError: If the annotation file is truncated.
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
            f'annotation file {path!r} is not a complete COCO json '
            f'({type(error).__name__}: {error}); make it again.'
        ) from error
    name = content.get('info', {}).get('description') or osp.basename(path)
    return dict(list=name, faces=faces)
