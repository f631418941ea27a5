"""The batched pipeline compared with the per-sample transforms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
import torch
from fake_mtfl import draw_face
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

from rcn_mmpose.device_data.pipeline import BatchedPipeline

FACES = 24
FLIP_INDICES = [1, 0, 2, 4, 3]
JITTER = dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1)
OCCLUSION = dict(type='rcn_mmpose.RandomOcclusion')


def steps(
    *first: dict, size: int = 80, occlusion: tuple = (), **codec: object
) -> list[dict]:
    """The steps of a training pipeline after the bounding box."""
    encoder = dict(type='rcn_mmpose.CellIndex', input_size=(size, size))
    return [
        *first,
        dict(type='rcn_mmpose.CropFace', input_size=(size, size)),
        *occlusion,
        dict(type='GenerateTarget', encoder=dict(encoder, **codec)),
        dict(type='PackPoseInputs'),
    ]


class Script:
    """Stand-in for NumPy's random functions that returns the numbers of one face."""

    def __init__(self, draws: np.ndarray) -> None:
        self.draws = draws
        # height, top, width, left
        self.rest = [draws[i] for i in (6, 8, 7, 9)]

    def uniform(
        self, low: float = 0, high: float = 1, size: int | None = None
    ) -> np.ndarray | float:
        if size is None:
            return self.draws[5]
        assert (low, high, size) == (-1, 1, 4)
        return 2 * self.draws[1:5] - 1

    def randint(self, low: int, high: int) -> int:
        return low + int(self.rest.pop(0) * (high - low))

    def choice(self, options: list, p: list) -> object:
        return options[0] if self.draws[0] < p[0] else options[1]


@contextmanager
def scripted(draws: np.ndarray) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        script = Script(draws)
        for name in ('uniform', 'randint', 'choice'):
            patch.setattr(np.random, name, getattr(script, name))
        yield


def wide_crops(size: int, sharp: bool = False) -> tuple:
    """Crops of faces or of sharp noise, with keypoints and visibility."""
    rng = np.random.default_rng(0)
    crops, keypoints = [], []
    for _ in range(FACES):
        img, points = draw_face(rng, size)
        crops.append(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY))
        # Some keypoints are outside the crop of the network.
        keypoints.append((points - size / 2) * rng.uniform(0.5, 3) + size / 2)
    if sharp:
        crops = rng.integers(0, 256, (FACES, size, size))
    visible = (rng.random((FACES, 5)) < 0.9).astype(np.float32)
    return np.array(crops, np.uint8), np.float32(keypoints), visible


def reference(
    config: list[dict],
    crop: np.ndarray,
    keypoints: np.ndarray,
    visible: np.ndarray,
    extent: float,
    draws: np.ndarray,
) -> dict:
    """Result of the per-sample transforms with a wide crop as the image."""
    size = len(crop)
    with DefaultScope.overwrite_default_scope('mmpose'):
        pipeline = Compose(config[:-1])  # not packed
    results = dict(
        img=crop,
        img_shape=crop.shape,
        bbox_center=np.float32([[size / 2, size / 2]]),
        bbox_scale=np.float32([[size / extent, size / extent]]),
        keypoints=keypoints[None].copy(),
        keypoints_visible=visible[None].copy(),
        flip_indices=FLIP_INDICES,
    )
    with scripted(draws):
        return pipeline(results)


def batched(
    config: list[dict], faces: tuple, draws: np.ndarray
) -> tuple[torch.Tensor, dict]:
    """Result of the batched pipeline."""
    pipeline = BatchedPipeline(config)
    return pipeline(
        *map(torch.from_numpy, faces),
        torch.tensor(FLIP_INDICES),
        draws,
        pipeline.crop_geometry()[1],
    )


def numbers(count: int = FACES) -> np.ndarray:
    return np.random.default_rng(1).random((count, 12))


def check_targets(config: list[dict], labels: dict, results: dict) -> None:
    """Compare targets, except for keypoints within 1e-3 pixels of a cell border."""
    codec = BatchedPipeline(config).codec
    grid = results['transformed_keypoints'][0].astype(float)
    grid = (grid - (codec.stride - 1) / 2) / codec.stride
    near = np.zeros(len(grid), bool)
    for border in (
        grid,
        grid + 0.5,
    ):  # borders for targets of four cells and of one cell
        near |= (np.abs(border - border.round()) < 1e-3).any(-1)
    assert near.sum() <= 1
    for name, expected in labels.items():
        assert expected.dtype == torch.from_numpy(results[name]).dtype, name
        np.testing.assert_allclose(
            expected[~near], results[name][0][~near], atol=1e-3, err_msg=name
        )


FLIP = dict(type='RandomFlip', prob=0.5)


@pytest.mark.parametrize(
    'config',
    [
        steps(),
        steps(dict(JITTER, rotation=20), occlusion=(OCCLUSION,)),
        steps(dict(JITTER, rotation=40), outside='mask'),
        steps(dict(JITTER, rotation=40), target='four'),
        steps(dict(JITTER, rotation=90), target='four', outside='mask'),
        steps(dict(JITTER, rotation=40), heatmap_size=(20, 20)),
        steps(
            dict(JITTER, rotation=0),
            heatmap_size=(40, 40),
            target='four',
            outside='mask',
        ),
        steps(
            FLIP,
            dict(JITTER, rotation=40),
            occlusion=(dict(OCCLUSION, sides=(0.1, 0.9), prob=0.5),),
        ),
        steps(dict(FLIP, prob=1.0), target='four'),
        steps(
            dict(type='rcn_mmpose.FlipFace', label_bias=0.04),
            dict(JITTER, rotation=40),
            target='four',
        ),
        steps(dict(JITTER, rotation=30), size=48),
        # The crop enlarges some boxes and reduces others.
        steps(dict(JITTER, shift=0.3, scale=0.3, rotation=45)),
    ],
    ids=lambda config: '-'.join(x['type'].split('.')[-1] for x in config[:-2]),
)
def test_the_same_image_and_targets(config: list[dict]) -> None:
    crop_size, extent = BatchedPipeline(config).crop_geometry()
    faces, draws = wide_crops(crop_size), numbers()
    grey, labels = batched(config, faces, draws)
    assert torch.equal(grey, grey.round())
    for i in range(FACES):
        results = reference(config, *(x[i] for x in faces), extent, draws[i])
        difference = np.abs(grey[i, 0].numpy() - results['img'])
        assert difference.mean() < 0.3
        # Occluded pixels are equal.
        black = results['img'] == 0
        assert black.mean() < 0.05 or not grey[i, 0].numpy()[black].any()
        check_targets(config, {k: v[i] for k, v in labels.items()}, results)


def test_the_comparison_detects_a_shift_of_a_tenth_of_a_pixel() -> None:
    config = steps(dict(JITTER, rotation=40))
    crop_size, extent = BatchedPipeline(config).crop_geometry()
    faces, draws = wide_crops(crop_size), numbers()
    grey, _ = batched(config, faces, draws)
    shifted = draws.copy()
    # A draw of 1 shifts by 0.1 * 80 = 8 pixels, so 2 * 0.00625 shifts by 0.1.
    shifted[:, 1] += 0.00625
    for i in range(FACES):
        results = reference(config, *(x[i] for x in faces), extent, shifted[i])
        assert np.abs(grey[i, 0].numpy() - results['img']).mean() > 0.3


def test_a_face_does_not_depend_on_its_batch() -> None:
    config = steps(FLIP, dict(JITTER, rotation=40), occlusion=(OCCLUSION,))
    faces, draws = wide_crops(160), numbers()
    grey, labels = batched(config, faces, draws)
    for rows in ([3], [7, 3, 20], list(range(FACES))[::-1]):
        part = tuple(x[rows] for x in faces)
        some, some_labels = batched(config, part, draws[rows])
        assert torch.equal(some, grey[rows])
        for name, value in some_labels.items():
            assert torch.equal(value, labels[name][rows])


def test_keypoints_of_weight_zero_may_have_any_position() -> None:
    """Keypoints of weight 0 may be NaN, as in CellIndex."""
    config = steps(dict(JITTER, rotation=40), outside='mask')
    crops, keypoints, visible = wide_crops(160)
    keypoints[:, 2], visible[:, 2] = np.nan, 0
    _, labels = batched(config, (crops, keypoints, visible), numbers())
    assert not labels['keypoint_weights'][:, 2].any()
    cells = labels['keypoint_cells']
    assert 0 <= cells.min() and cells.max() < 80 * 80


# ----------------------------------------------------------------- geometry


def test_geometry_of_the_papers_jitter() -> None:
    config = steps(dict(JITTER, rotation=40))
    crop_size, extent = BatchedPipeline(config).crop_geometry()
    assert crop_size == 160
    # 1.1 * (cos 40 + sin 40) + 2 * 0.1 = 1.7497, plus 3 of 160 pixels.
    assert extent == pytest.approx(1.7497 * 160 / 157, abs=1e-4)


@pytest.mark.parametrize(
    'jitter',
    [
        dict(shift=0, scale=0, rotation=0),
        dict(shift=0.1, scale=0.1, rotation=20),
        dict(shift=0.1, scale=0.1, rotation=40),
        dict(shift=0.1, scale=0.1, rotation=180),
        dict(shift=0.3, scale=0.5, rotation=30),
    ],
)
def test_jitter_stays_inside_the_wide_crop(jitter: dict) -> None:
    """Jittered white crops have no black pixels, and the extent is minimal."""
    pipeline = BatchedPipeline(steps(dict(type='rcn_mmpose.UniformJitter', **jitter)))
    crop_size, extent = pipeline.crop_geometry()
    # All corners of the jitter range, and 45 degrees if the range includes them.
    turns = [0, 1]
    if jitter['rotation'] > 45:
        turns += [0.5 - x / jitter['rotation'] / 2 for x in (45, 135, -135)]
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], turns), -1)
    draws = np.zeros((corners.size // 4, 12))
    draws[:, 1:5] = corners.reshape(-1, 4)
    white = torch.full((len(draws), crop_size, crop_size), 255).byte()

    def darkest(extent: float) -> float:
        placed = pipeline.place(draws, crop_size, extent)
        sampling = torch.from_numpy(placed.sampling).float()
        return pipeline.crop(white, sampling, placed.oversampling).min().item()

    assert darkest(extent) == 255
    assert darkest(extent * 0.95) < 255
    # A pixel of the network's input covers at least one pixel of the wide crop.
    assert crop_size / extent >= 80 * (1 - 0.01)


def test_pixels_outside_the_wide_crop_are_black() -> None:
    pipeline = BatchedPipeline(steps())
    white = torch.full((1, 160, 160), 255).byte()
    placed = pipeline.place(np.zeros((1, 12)), 160, 0.5)  # half the box
    sampling = torch.from_numpy(placed.sampling).float()
    out = pipeline.crop(white, sampling, placed.oversampling)[0, 0]
    assert not out[:19].any() and not out[:, 61:].any()
    assert (out[21:59, 21:59] == 255).all()


# -------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('config', 'match'),
    [
        (
            steps(dict(type='RandomBBoxTransform')),
            "'RandomBBoxTransform' has no batched .*UniformJitter",
        ),
        (
            steps(occlusion=(dict(type='rcn_mmpose.LCN'),)),
            "'rcn_mmpose.LCN' has no batched .*LCNDataPreprocessor",
        ),
        (
            steps(occlusion=(dict(type='PhotometricDistortion'),)),
            "'PhotometricDistortion' has no batched version: leave it out",
        ),
        (
            steps(occlusion=(dict(OCCLUSION, seed=0),)),
            'same in each epoch',
        ),
        (steps()[1:], 'no CropFace'),
        (steps()[:1], 'no GenerateTarget'),
        (
            steps(JITTER, dict(type='RandomFlip')),
            "'RandomFlip' stands after UniformJitter",
        ),
        (steps(JITTER, JITTER), 'each at most once'),
        (
            steps(dict(type='RandomFlip', direction='vertical')),
            "direction='vertical'.*flips horizontally",
        ),
        (
            [
                dict(type='rcn_mmpose.CropFace', input_size=(80, 40)),
                steps()[1],
            ],
            r'\(80, 40\).*square',
        ),
        (
            [
                steps()[0],
                dict(
                    type='GenerateTarget',
                    encoder=dict(
                        type='MSRAHeatmap',
                        input_size=(80, 80),
                        heatmap_size=(80, 80),
                        sigma=1,
                    ),
                ),
            ],
            'MSRAHeatmap.*CellIndex',
        ),
        (
            [
                steps()[0],
                dict(steps()[1], use_dataset_keypoint_weights=True),
            ],
            'use_dataset_keypoint_weights',
        ),
    ],
)
def test_steps_without_a_batched_version(config: list[dict], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        BatchedPipeline(config)
