"""Experiments and datasets of MMPose with the modules of this package."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import mmpose
import numpy as np
import pytest

MMPOSE = Path(mmpose.__file__).parent / '.mim'
STOCK = (
    'configs/face_2d_keypoint/topdown_heatmap/300w/'
    'td-hm_hrnetv2-w18_8xb64-60e_300w-256x256.py'
)
STOCK_FILES = (
    'face_landmarks_300w_train.json',
    'face_landmarks_300w_valid.json',
)
CONFIG = """
_base_ = [{stock!r}]
custom_imports = dict(imports=['rcn_mmpose.registry'])
cells = dict(type='rcn_mmpose.CellIndex', input_size=(256, 256))
model = dict(
    backbone=dict(
        _delete_=True, type='rcn_mmpose.RCN', num_branches=6, in_channels=3
    ),
    neck=None,
    head=dict(
        _delete_=True,
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=16,
        out_channels=68,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'),
        decoder=cells,
    ),
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        rotate_factor=60,
        scale_factor=(0.75, 1.25),
    ),
    dict(type='TopdownAffine', input_size=cells['input_size']),
    dict(type='GenerateTarget', encoder=cells),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root={data!r}, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root={data!r}),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1)
work_dir = {work!r}
"""


def make_faces(root: Path, keypoints: int = 68, files: tuple = STOCK_FILES) -> None:
    """Write four images of noise in the format of MMPose's face datasets."""
    rng = np.random.default_rng(0)
    (root / 'images').mkdir(parents=True)
    (root / 'annotations').mkdir()
    images, annotations = [], []
    for i in range(4):
        image = rng.integers(0, 256, (120, 120, 3)).astype(np.uint8)
        cv2.imwrite(str(root / 'images' / f'{i}.png'), image)
        points = rng.uniform(20, 100, (keypoints, 2))
        images.append(dict(id=i, file_name=f'{i}.png', width=120, height=120))
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                iscrowd=0,
                bbox=[20, 20, 80, 80],
                center=[60.0, 60.0],
                scale=0.4,
                num_keypoints=keypoints,
                keypoints=np.c_[points, np.ones(keypoints)].ravel().tolist(),
            )
        )
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='face')],
    )
    for name in files:
        (root / 'annotations' / name).write_text(json.dumps(content))


def test_modules_of_this_package_in_a_config_of_mmpose(
    fresh: Callable, tmp_path: Path
) -> None:
    data, work = tmp_path / '300w', tmp_path / 'work'
    make_faces(data)
    config = tmp_path / 'rcn_stock_300w.py'
    config.write_text(
        CONFIG.format(stock=str(MMPOSE / STOCK), data=f'{data}/', work=str(work))
    )
    done = fresh(MMPOSE / 'tools' / 'train.py', config, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [
        json.loads(line)
        for path in work.rglob('scalars.json')
        for line in path.read_text().splitlines()
    ]
    # Two steps, then MMPose's NME with a flip test.
    assert any(0 < entry.get('NME', 0) < 100 for entry in losses)
    assert (work / 'epoch_1.pth').is_file()


@pytest.mark.parametrize(
    ('name', 'keypoints', 'files'),
    [
        (
            'wflw',
            98,
            (
                'face_landmarks_wflw_train.json',
                'face_landmarks_wflw_test.json',
            ),
        ),
        ('cofw', 29, ('cofw_train.json', 'cofw_test.json')),
    ],
)
def test_datasets_of_mmpose(
    fresh: Callable,
    root: Path,
    tmp_path: Path,
    name: str,
    keypoints: int,
    files: tuple,
) -> None:
    make_faces(tmp_path / 'data' / name, keypoints, files)
    config = root / 'configs' / f'rcn_{name}.py'
    options = ['--cfg-options', 'train_cfg.max_epochs=1']
    for part in ('train', 'test'):
        options += [f'{part}_dataloader.num_workers=0']
    options += ['train_dataloader.persistent_workers=False']
    train = root / 'tools' / 'train.py'
    done = fresh(train, config, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    checkpoint = tmp_path / f'work_dirs/rcn_{name}/epoch_1.pth'
    out = tmp_path / 'out.json'
    test = root / 'tools' / 'test.py'
    done = fresh(test, config, checkpoint, '--out', out, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads(out.read_text())
    assert {
        'NME',
        'NME_pixels_outer_corners',
        'NME_cells_eye_points',
        'AUC10_pixels_box',
    } <= set(metrics)
