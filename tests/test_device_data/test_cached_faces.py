"""The cached dataset, its sampler, and the changes that make a cache stale."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from rcn_mmpose.device_data import CachedFaceDataset, EpochSampler
from rcn_mmpose.registry import DATASETS

SIDE, EXTENT = 64, 1.7


def config(data: Path, **options: object) -> dict:
    return dict(
        type='rcn_mmpose.CachedFaceDataset',
        dataset=dict(
            type='rcn_mmpose.MTFLDataset',
            data_root=f'{data}/',
            ann_file='annotations/mtfl_train.json',
            data_prefix=dict(img='mtfl/'),
            serialize_data=False,  # avoids a slow garbage collection
            pipeline=[
                dict(type='rcn_mmpose.LoadGreyImage'),
                dict(type='rcn_mmpose.FaceBox', rule='given'),
            ],
        ),
        crop_size=SIDE,
        extent=EXTENT,
        **options,
    )


@pytest.fixture
def build(converted: Path) -> Callable[[], CachedFaceDataset]:
    return lambda **options: DATASETS.build(config(converted, **options))


def test_crops_around_the_boxes(build: Callable) -> None:
    """Crops equal a bilinear warp of an image without fine detail."""
    dataset = build()
    for i in range(len(dataset)):
        info = dataset.source.get_data_info(i)
        x1, y1, x2, y2 = info['bbox'][0]
        centre, side = np.array((x1 + x2, y1 + y2)) / 2, x2 - x1
        scale = SIDE / (side * EXTENT)
        expected = (info['keypoints'][0] - centre) * scale + SIDE / 2
        np.testing.assert_allclose(dataset.cache.keypoints[i], expected, atol=1e-3)
        grey = cv2.imread(info['img_path'], cv2.IMREAD_COLOR)
        grey = cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY).astype(np.float32)
        offset = SIDE / 2 - scale * centre
        matrix = np.float64([(scale, 0, offset[0]), (0, scale, offset[1])])
        plain = cv2.warpAffine(
            cv2.GaussianBlur(grey, (0, 0), 0.5 / scale), matrix, (SIDE, SIDE)
        )
        difference = np.abs(dataset.cache.crops[i] - plain)
        assert difference.mean() < 6 < grey.std()
    assert dataset.cache.visible.all()


def test_length_and_metainfo_of_the_inner_dataset(build: Callable) -> None:
    dataset = build()
    assert len(dataset) == 12
    assert dataset.metainfo['dataset_name'] == 'mtfl'
    flips = dataset.metainfo['flip_indices']
    assert dataset.cache.flip_indices.tolist() == list(flips)


def test_folder_of_the_cache(build: Callable, converted: Path, tmp_path: Path) -> None:
    folder = Path(build().folder)
    assert folder.parent == converted / 'cache'
    assert folder.name.startswith('crops_mtfl_train_')
    other = Path(build(cache_dir=str(tmp_path / 'mine')).folder)
    assert other == tmp_path / 'mine' / folder.name


def test_another_crop_extent_gets_another_cache(converted: Path) -> None:
    first = DATASETS.build(config(converted))
    wide = DATASETS.build({**config(converted), 'extent': 2.0})
    assert first.folder != wide.folder
    assert not np.array_equal(first.cache.crops, wide.cache.crops)


# --------------------------------------------------------------------- stale


def image(data: Path) -> str:
    """Path of one training image."""
    path = data / 'annotations' / 'mtfl_train.json'
    name = json.loads(path.read_text())['images'][2]['file_name']
    return str(data / 'mtfl' / name)


def new_time(data: Path) -> None:
    os.utime(image(data), ns=(1, 1))


def new_image(data: Path) -> None:
    path = image(data)
    cv2.imwrite(path, 255 - cv2.imread(path))


def edit(data: Path, change: Callable[[dict], None]) -> None:
    path = data / 'annotations' / 'mtfl_train.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def moved_keypoint(data: Path) -> None:
    def change(content: dict) -> None:
        content['annotations'][3]['keypoints'][0] += 0.25

    edit(data, change)


def moved_box(data: Path) -> None:
    def change(content: dict) -> None:
        content['annotations'][3]['bbox'][2] += 1

    edit(data, change)


def fewer_faces(data: Path) -> None:
    edit(data, lambda content: content['annotations'].pop())


@pytest.mark.parametrize(
    'change', [new_time, new_image, moved_keypoint, moved_box, fewer_faces]
)
def test_a_stale_cache_is_rebuilt(
    build: Callable, converted: Path, change: Callable
) -> None:
    path = Path(build().folder, 'crops.npy')
    built = path.stat().st_ino
    build()
    assert path.stat().st_ino == built
    change(converted)
    dataset = build()
    assert path.stat().st_ino != built
    assert len(dataset.cache.crops) == len(dataset)


def test_missing_image(build: Callable, converted: Path) -> None:
    build()
    for file in (converted / 'mtfl' / 'lfw_5590').glob('face_*.png'):
        file.unlink()
    with pytest.raises(FileNotFoundError, match='data_prefix'):
        build()


def test_keypoints_that_are_not_finite(build: Callable, converted: Path) -> None:
    def change(content: dict) -> None:
        content['annotations'][0]['keypoints'][3] = float('nan')

    edit(converted, change)
    with pytest.raises(ValueError, match=r'keypoints \[1\] are not finite'):
        build()


# ------------------------------------------------------------------- batches


def test_a_batch_holds_the_keys_of_its_faces(build: Callable) -> None:
    dataset = build()
    (batch,) = dataset.__getitems__([(0, 3, 7), (0, 3, 1)])
    assert batch['crop_cache'] == dataset.folder
    assert batch['keys'].dtype == np.int64
    assert batch['keys'].tolist() == [[0, 3, 7], [0, 3, 1]]
    assert dataset[0, 3, 7]['keys'].tolist() == [[0, 3, 7]]
    for wrong in (lambda: dataset[5], lambda: dataset.__getitems__([5, 6])):
        with pytest.raises(TypeError, match='EpochSampler'):
            wrong()


def loader(dataset: CachedFaceDataset, **options: object) -> DataLoader:
    return Runner.build_dataloader(
        dict(
            dataset=dataset,
            sampler=dict(type='rcn_mmpose.EpochSampler', shuffle=True),
            **{'batch_size': 4, 'num_workers': 0, **options},
        ),
        seed=5,
    )


def epoch_keys(loader: DataLoader, epoch: int) -> list[tuple]:
    loader.sampler.set_epoch(epoch)
    return [
        tuple(key) for batch in loader for key in np.concatenate(batch['keys']).tolist()
    ]


def test_keys_of_an_epoch(build: Callable) -> None:
    dataset = build()
    found = epoch_keys(loader(dataset), 2)
    assert {key[:2] for key in found} == {(5, 2)}
    # The order of MMEngine's sampler.
    generator = torch.Generator().manual_seed(5 + 2)
    order = torch.randperm(12, generator=generator).tolist()
    assert [key[2] for key in found] == order
    assert epoch_keys(loader(dataset, batch_size=5), 2) == found


def test_workers_know_the_epoch(build: Callable) -> None:
    """Persistent workers know the epoch, too."""
    dataset = build()
    alone = loader(dataset)
    two = loader(dataset, num_workers=2, persistent_workers=True)
    for epoch in (0, 1, 5):
        assert epoch_keys(two, epoch) == epoch_keys(alone, epoch)


def test_number_of_batches_from_the_config(build: Callable) -> None:
    """``num_batch_per_epoch`` of MMEngine is respected."""
    short = loader(build(), num_batch_per_epoch=2)
    assert len(short) == 2
    assert len(epoch_keys(short, 0)) == 8


@pytest.mark.parametrize('world', [2, 3])
def test_processes_share_an_epoch(
    build: Callable, monkeypatch: pytest.MonkeyPatch, world: int
) -> None:
    dataset = build()
    whole = epoch_keys(loader(dataset), 4)
    shares = []
    for rank in range(world):
        monkeypatch.setattr(
            'mmengine.dataset.sampler.get_dist_info', lambda r=rank: (r, world)
        )
        sampler = EpochSampler(dataset, shuffle=True, seed=5)
        sampler.set_epoch(4)
        shares.append(list(sampler))
    together = [key for step in zip(*shares, strict=True) for key in step]
    assert together == whole
