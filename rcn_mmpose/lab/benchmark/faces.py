"""Configs and faces that the benchmarks use."""

from __future__ import annotations

import json
import os.path as osp
from pathlib import Path
from typing import Any, NamedTuple

import mmpose
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from ...image.reading import read_image
from ...synthetic.face_set import make_part, parts_of, write_annotations

SIDE = 160  # side of a synthetic image, in pixels
HRNET = (
    'face_2d_keypoint/topdown_heatmap/300w/td-hm_hrnetv2-w18_8xb64-60e_300w-256x256.py'
)


class RawFace(NamedTuple):
    """A labelled face and its image.

    Attributes:
        image: uint8 BGR, (H, W, 3).
        box: (x1, y1, x2, y2), (1, 4).
        keypoints: In pixels, (K, 2).
        visible: Whether each keypoint is labelled, bool (K,).
        unit: Normaliser of errors in pixels: the distance of the eyes.
    """

    image: np.ndarray
    box: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    unit: float


def load_config(path: str, folder: str, faces: int) -> Config:
    """Read a config for training without validation and checkpoints.

    If the training data are missing, synthetic faces replace them. The first
    call renders the synthetic faces.

    Args:
        path (str): Path of the config.
        folder (str): Folder of the synthetic faces.
        faces (int): Number of synthetic faces.

    Returns:
        Config: Its key ``measured_on`` names the data.

    Raises:
        FileNotFoundError: If the config does not exist, or if the data are
            missing and synthetic faces cannot replace them.
    """
    cfg = read_config(path)
    cfg.launcher = 'none'
    cfg.log_level = 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    cfg.measured_on = _use_faces(cfg, 'train_dataloader', folder, faces)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    return cfg


def read_config(path: str) -> Config:
    """Read a config.

    Raises:
        FileNotFoundError: If the config does not exist.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'config {path!r} does not exist; those of this project lie in configs/.'
        )
    return Config.fromfile(path)


def mmpose_config() -> Config:
    """Read MMPose's own config of HRNetV2-W18 on 300W, the reference."""
    folder = Path(mmpose.__file__).parent / '.mim' / 'configs'
    return Config.fromfile(str(folder / HRNET))


def raw_faces(
    path: str, folder: str, count: int, loader: str = 'train_dataloader'
) -> tuple[list[RawFace], str]:
    """Read the first faces of a config's data.

    Args:
        path (str): Path of the config.
        folder (str): Folder of the synthetic faces.
        count (int): Number of faces.
        loader (str): Config key of the data loader.

    Returns:
        tuple: The faces, and the name of the data.
    """
    cfg = read_config(path)
    name = _use_faces(cfg, loader, folder, count)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(dict(cfg[loader].dataset, pipeline=[]))
    pair = next(iter(dataset.metainfo['normalisers'].values()))
    found = [
        _raw_face(dataset.get_data_info(i), pair)
        for i in range(min(count, len(dataset)))
    ]
    return found, name


def count_faces(dataset: dict[str, Any]) -> int:
    """Count the faces of a dataset's annotation file."""
    path = osp.join(dataset.get('data_root') or '', dataset['ann_file'])
    with open(path, encoding='utf-8') as file:
        return len(json.load(file)['annotations'])


def _raw_face(info: dict[str, Any], pair: tuple) -> RawFace:
    """Read the image of a face.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If the image cannot be read.
    """
    image = read_image(info['img_path'])
    keypoints = np.asarray(info['keypoints'][0], float)
    visible = np.asarray(info['keypoints_visible'][0])
    eyes = [keypoints[list(group)].mean(0) for group in pair]
    return RawFace(
        image,
        np.array(info['bbox'], float),
        keypoints,
        visible.reshape(len(keypoints), -1)[:, 0] > 0,
        float(np.linalg.norm(eyes[0] - eyes[1])),
    )


def _use_faces(cfg: Config, loader: str, folder: str, count: int) -> str:
    """Replace missing data of a loader by synthetic faces; return the data's name."""
    dataset = cfg[loader].dataset
    annotations = osp.join(dataset.get('data_root') or '', dataset.ann_file)
    if osp.isfile(annotations):
        return osp.splitext(osp.basename(annotations))[0]
    points = cfg.model.head.out_channels
    if points not in (5, 68):
        raise FileNotFoundError(
            f'{annotations!r} does not exist, and there are no synthetic '
            f'faces with {points} keypoints in its place, only with 5 and 68.'
        )
    folder = osp.join(folder, f'faces_{count}')
    name = f'annotations/train_{points}.json'
    if not osp.isfile(osp.join(folder, name)):
        parts = parts_of(folder, 'train', count, seed=0, size=SIDE)
        for part in parts:
            make_part(part)
        write_annotations(folder, 'train', parts, points)
    dataset.update(
        type='rcn_mmpose.OwnFaceDataset',
        data_root=folder,
        ann_file=name,
        data_prefix=dict(img='images/train/'),
    )
    return f'{count} synthetic faces'
