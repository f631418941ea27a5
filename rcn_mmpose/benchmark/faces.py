"""The faces that are measured on."""

from __future__ import annotations

import os
import os.path as osp

from mmengine.config import Config

from ..synthetic.face_set import make_part, parts_of, write_annotations

SIDE = 160  # of synthetic pictures, in pixels
SPLITS = ('train', 'val')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def load_config(path: str, folder: str, faces: int) -> Config:
    """Read a config, for training without validation.

    Where its training data are not there, it gets synthetic faces, rendered
    at the first call.

    Args:
        path (str): Of the config.
        folder (str): Where synthetic faces are, or are to be.
        faces (int): How many of them.

    Returns:
        Config: ``measured_on`` names the data.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'config {path!r} does not exist; those of this project lie in '
            'configs/.'
        )
    cfg = Config.fromfile(path)
    cfg.launcher = 'none'
    cfg.log_level = 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    dataset = (cfg.get('train_dataloader') or cfg.test_dataloader).dataset
    annotations = osp.join(dataset.get('data_root') or '', dataset.ann_file)
    cfg.measured_on = dataset.type
    if not osp.isfile(annotations):
        points = cfg.model.head.out_channels
        if points not in (5, 68):
            raise FileNotFoundError(
                f'{annotations!r} does not exist, and there are no synthetic '
                f'faces with {points} keypoints, only with 5 and 68.'
            )
        _render(folder, faces)
        cfg.measured_on = f'{faces} synthetic faces'
        for name in LOADERS:
            if cfg.get(name):
                split = SPLITS[name != 'train_dataloader']
                cfg[name].dataset.update(
                    type='rcn_mmpose.OwnFaceDataset',
                    data_root=folder,
                    ann_file=f'annotations/{split}_{points}.json',
                    data_prefix=dict(img=f'images/{split}/'),
                )
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    return cfg


def _render(folder: str, faces: int) -> None:
    """Render what is not there yet."""
    for split in SPLITS:
        path = osp.join(folder, 'annotations', f'{split}_68.json')
        if osp.isfile(path):
            continue
        os.makedirs(folder, exist_ok=True)
        parts = parts_of(folder, split, faces, seed=0, size=SIDE)
        for part in parts:
            make_part(part)
        for points in (5, 68):
            write_annotations(folder, split, parts, points)
