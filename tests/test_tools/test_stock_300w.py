"""MMPose's own 300W experiment with our parts in place of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import mmpose
import numpy as np

MMPOSE = Path(mmpose.__file__).parent / '.mim'
STOCK = (
    'configs/face_2d_keypoint/topdown_heatmap/300w/'
    'td-hm_hrnetv2-w18_8xb64-60e_300w-256x256.py'
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


def make_300w(root: Path) -> None:
    """Write four pictures of noise in the form MMPose takes 300W in."""
    rng = np.random.default_rng(0)
    (root / 'images').mkdir(parents=True)
    (root / 'annotations').mkdir()
    images, annotations = [], []
    for i in range(4):
        picture = rng.integers(0, 256, (120, 120, 3)).astype(np.uint8)
        cv2.imwrite(str(root / 'images' / f'{i}.png'), picture)
        points = rng.uniform(20, 100, (68, 2))
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
                num_keypoints=68,
                keypoints=np.c_[points, np.ones(68)].ravel().tolist(),
            )
        )
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='face')],
    )
    for part in ('train', 'valid'):
        path = root / 'annotations' / f'face_landmarks_300w_{part}.json'
        path.write_text(json.dumps(content))


def test_our_parts_in_the_stock_config(
    fresh: Callable, tmp_path: Path
) -> None:
    data, work = tmp_path / '300w', tmp_path / 'work'
    make_300w(data)
    config = tmp_path / 'rcn_stock_300w.py'
    config.write_text(
        CONFIG.format(
            stock=str(MMPOSE / STOCK), data=f'{data}/', work=str(work)
        )
    )
    done = fresh(MMPOSE / 'tools' / 'train.py', config, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [
        json.loads(line)
        for path in work.rglob('scalars.json')
        for line in path.read_text().splitlines()
    ]
    # two steps, then MMPose's NME with its flip test
    assert any(0 < entry.get('NME', 0) < 100 for entry in losses)
    assert (work / 'epoch_1.pth').is_file()
