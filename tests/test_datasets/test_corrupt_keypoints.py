"""Corruption of keypoints, and samples without an image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from rcn_mmpose.datasets.transforms import (
    CorruptKeypoints,
    CropFace,
    CropKeypoints,
    UniformJitter,
)

CODEC = dict(type='rcn_mmpose.CellIndex', input_size=(12, 10), outside='mask')


def sample(count: int = 6, **options: object) -> dict:
    """A sample whose keypoint k is in cell (k, k + 1)."""
    keypoints = np.arange(count)[:, None] + np.array([0.2, 0.9])
    return dict(
        keypoints=keypoints[None] + 50,
        transformed_keypoints=keypoints[None],
        keypoints_visible=np.ones((1, count), np.float32),
        id=3,
        **options,
    )


def cells_of(results: dict) -> list[tuple[int, int]]:
    """The cell (x, y) of each map; all maps must be one-hot."""
    maps = results['img']
    assert maps.shape[:2] == (10, 12)
    assert maps.dtype == np.uint8
    assert (maps.sum((0, 1)) == 1).all() and maps.max() == 1
    return [tuple(np.argwhere(maps[..., k])[0][::-1]) for k in range(maps.shape[2])]


# ---------------------------------------------------------------- corrupt


def test_only_moved_keypoints_have_weight() -> None:
    np.random.seed(0)
    corrupt = CorruptKeypoints(CODEC, count=4)
    for _ in range(30):
        results = corrupt(sample())
        visible = results['keypoints_visible']
        assert visible.shape == (1, 6) and visible.sum() == 4
        for k, cell in enumerate(cells_of(results)):
            if not visible[0, k]:
                assert cell == (k, k + 1)
        # The target keeps the true keypoints.
        np.testing.assert_array_equal(
            results['transformed_keypoints'],
            sample()['transformed_keypoints'],
        )


def test_the_choice_of_keypoints_and_cells_is_uniform() -> None:
    np.random.seed(0)
    corrupt = CorruptKeypoints(CODEC, count=2)
    chosen, places, together = np.zeros(6), np.zeros((10, 12)), 0
    for _ in range(4000):
        results = corrupt(sample())
        visible = results['keypoints_visible'][0] > 0
        chosen += visible
        together += visible[0] and visible[1]
        for k, (x, y) in enumerate(cells_of(results)):
            places[y, x] += visible[k]
    # A third each; the standard deviation is sqrt(4000 * 1/3 * 2/3) = 30.
    assert np.abs(chosen - 4000 / 3).max() < 4 * 30
    # All 15 pairs have the same probability.
    assert abs(together - 4000 / 15) < 4 * 16
    # 8000 / 120 per cell, with a standard deviation of 8.1.
    assert np.abs(places - 8000 / 120).max() < 4.5 * 8.2


def test_with_a_seed_a_face_is_always_corrupted_equally() -> None:
    corrupt = CorruptKeypoints(CODEC, count=3, seed=0)
    first = corrupt(sample())
    np.random.seed(5)
    again = corrupt(sample())
    assert np.array_equal(first['img'], again['img'])
    assert np.array_equal(first['keypoints_visible'], again['keypoints_visible'])
    others = [
        corrupt(dict(sample(), id=4)),
        CorruptKeypoints(CODEC, count=3, seed=1)(sample()),
        corrupt(sample()),
    ]
    same = [np.array_equal(first['img'], other['img']) for other in others]
    assert same == [False, False, True]


def test_without_a_seed_the_corruption_differs() -> None:
    corrupt = CorruptKeypoints(CODEC, count=3)
    np.random.seed(0)
    first, second = corrupt(sample()), corrupt(sample())
    assert not np.array_equal(first['img'], second['img'])


def test_keypoints_outside_the_crop() -> None:
    """These keypoints are drawn at the border; the codec masks them in the loss."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        target = Compose([dict(type='GenerateTarget', encoder=CODEC)])
    stayed = np.zeros(2)
    for seed in range(10):
        results = sample()
        results['transformed_keypoints'][0, :2] = [(-5, 3.4), (30, 30)]
        results = CorruptKeypoints(CODEC, count=4, seed=seed)(results)
        moved = results['keypoints_visible'][0] > 0
        assert moved.sum() == 4
        for k, cell in enumerate([(0, 3), (11, 9)]):
            assert moved[k] or cells_of(results)[k] == cell
        stayed += ~moved[:2]
        weights = target(results)['keypoint_weights'][0]
        assert weights.tolist() == [0, 0, *moved[2:]]
    assert (stayed > 0).all()  # otherwise the test could not fail


def test_unlabelled_keypoints_are_hidden_and_have_no_weight() -> None:
    np.random.seed(0)
    corrupt = CorruptKeypoints(CODEC, count=4)
    places = set()
    for _ in range(60):
        results = sample()
        results['keypoints_visible'][0, :3] = 0
        results['transformed_keypoints'][0, :2] = np.nan
        results = corrupt(results)
        # Three keypoints remain that can be moved.
        assert results['keypoints_visible'].tolist() == [[0, 0, 0, 1, 1, 1]]
        places.add(cells_of(results)[2])
    assert len(places) > 30


def test_visibility_with_a_weight() -> None:
    """KeypointConverter gives the shape (1, K, 2)."""
    results = sample()
    visible = np.ones((1, 6, 2), np.float32)
    visible[0, :4, 0] = 0
    results['keypoints_visible'] = visible
    results = CorruptKeypoints(CODEC, count=3)(results)
    assert results['keypoints_visible'].tolist() == [[0, 0, 0, 0, 1, 1]]


@pytest.mark.parametrize('count', [0, 7, 35])
def test_wrong_count(count: int) -> None:
    with pytest.raises(ValueError, match=f'count={count} of 6.*1 to 6'):
        CorruptKeypoints(CODEC, count=count)(sample())


def test_no_keypoints() -> None:
    results = dict(bbox_center=np.ones((1, 2)), bbox_scale=np.ones((1, 2)))
    results = CropKeypoints((12, 10))(results)
    with pytest.raises(ValueError, match='needs true keypoints'):
        CorruptKeypoints(CODEC)(results)


# ------------------------------------------------------------------- crop


def test_the_crop_equals_the_crop_of_an_image() -> None:
    def face() -> dict:
        np.random.seed(1)
        return UniformJitter()(
            dict(
                bbox_center=np.float32([[110, 90]]),
                bbox_scale=np.float32([[60, 80]]),
                keypoints=np.float32([[(100, 80), (120.5, 99)]]),
                keypoints_visible=np.ones((1, 2), np.float32),
            )
        )

    ours = CropKeypoints((12, 10))(face())
    image = np.zeros((200, 200), np.uint8)
    theirs = CropFace((12, 10))(dict(face(), img=image))
    assert 'img' not in ours
    del theirs['img']
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        np.testing.assert_array_equal(ours[key], value)


# ----------------------------------------------------------------- config


@pytest.fixture
def config(root: Path, tmp_path: Path) -> Config:
    """Config of the denoiser, on two faces whose images do not exist."""
    (tmp_path / 'annotations').mkdir()
    rng = np.random.default_rng(0)
    faces = []
    for i in range(2):
        points = np.c_[rng.uniform(100, 200, (68, 2)), np.full(68, 2)]
        faces.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                iscrowd=0,
                bbox=[80, 80, 140, 140],
                keypoints=points.ravel().tolist(),
                num_keypoints=68,
            )
        )
    content = dict(
        images=[
            dict(id=i, file_name=f'no/{i}.jpg', width=300, height=300) for i in range(2)
        ],
        annotations=faces,
        categories=[dict(id=1, name='face')],
    )
    for part in ('train', 'val', 'test'):
        path = tmp_path / 'annotations' / f'300w_{part}.json'
        path.write_text(json.dumps(content))
    config = Config.fromfile(str(root / 'configs' / 'denoiser_300w.py'))
    for part in ('train', 'val', 'test'):
        config[f'{part}_dataloader'].dataset.data_root = str(tmp_path)
    return config


def test_no_image_is_read(config: Config) -> None:
    with DefaultScope.overwrite_default_scope('mmpose'):
        train, val = (
            DATASETS.build(config[f'{part}_dataloader'].dataset)
            for part in ('train', 'val')
        )
    packed = train[0]
    assert packed['inputs'].shape == (68, 80, 80)
    labels = packed['data_samples'].gt_instance_labels
    cells = packed['inputs'].flatten(1).int().argmax(-1)
    counts = labels.keypoint_weights[0] > 0
    stays = cells == labels.keypoint_cells[0, :, 0]
    moved = packed['data_samples'].gt_instances.keypoints_visible[0] > 0
    assert moved.sum() == 35 and counts.sum() <= 35
    assert stays.numpy()[~moved].all()
    assert not counts.numpy()[~moved].any()

    # Each validation of a face gives the same sample, without jitter.
    first, again = val[1], val[1]
    assert (first['inputs'] == again['inputs']).all()
    sample = first['data_samples']
    corner = sample.input_center - sample.input_scale / 2
    truth = sample.gt_instances.keypoints[0] - corner
    truth = np.floor(truth * 80 / 140 + 0.5)
    shown = first['inputs'].flatten(1).int().argmax(-1).numpy()
    same = truth[:, 1] * 80 + truth[:, 0] == shown
    moved = sample.gt_instances.keypoints_visible[0] > 0
    assert moved.sum() == 35 and same[~moved].all()
    assert not (train[1]['inputs'] == first['inputs']).all()
