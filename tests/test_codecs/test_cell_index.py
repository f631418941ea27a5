from __future__ import annotations

import numpy as np
import pytest
import torch

from rcn_mmpose.codecs import CellIndex


def positions(*points: tuple) -> np.ndarray:
    return np.array([points], dtype=np.float32)


def cells(codec: CellIndex, encoded: dict) -> np.ndarray:
    """Target cells as (column, row), of shape (K, C, 2)."""
    index = encoded['keypoint_cells'][0]
    width = codec.heatmap_size[0]
    return np.stack((index % width, index // width), -1)


def dense(codec: CellIndex, encoded: dict) -> torch.Tensor:
    """The targets as maps (1, K, H, W)."""
    width, height = codec.heatmap_size
    maps = np.zeros((encoded['keypoint_cells'].shape[1], height, width))
    for k, found in enumerate(cells(codec, encoded)):
        for (x, y), weight in zip(
            found, encoded['keypoint_cell_weights'][0, k], strict=True
        ):
            maps[k, y, x] += weight
    return torch.from_numpy(maps)[None].float()


# ---------------------------------------------------------------- encode


@pytest.mark.parametrize(
    ('stride', 'x', 'cell'),
    [
        # the paper's floor(x + 0.5)
        (1, 0.0, 0),
        (1, 0.49, 0),
        (1, 0.5, 1),
        (1, 6.5, 7),
        (1, 7.49, 7),
        (1, -0.5, 0),
        # pixels 0 and 1 make up cell 0, from -0.5 to 1.5
        (2, 0.0, 0),
        (2, 1.49, 0),
        (2, 1.5, 1),
        (2, 6.0, 3),
        # pixels 0 to 3 make up cell 0, from -0.5 to 3.5
        (4, 3.49, 0),
        (4, 3.5, 1),
        (4, 7.4, 1),
    ],
)
@pytest.mark.parametrize('axis', [0, 1])
def test_the_cell_of_a_position(stride: int, x: float, cell: int, axis: int) -> None:
    codec = CellIndex((8, 16), (8 // stride, 16 // stride))
    point = np.array([stride * 1.0, stride * 1.0], dtype=np.float32)
    point[axis] = x
    expected = np.array([1, 1])
    expected[axis] = cell
    found = cells(codec, codec.encode(point[None, None]))
    np.testing.assert_array_equal(found, [[expected]])


def test_flat_index_counts_rows_by_the_width() -> None:
    codec = CellIndex((10, 6))
    encoded = codec.encode(positions((3, 2), (9, 5), (0, 0)))
    np.testing.assert_array_equal(encoded['keypoint_cells'], [[[23], [59], [0]]])
    np.testing.assert_array_equal(encoded['keypoint_cell_weights'], np.ones((1, 3, 1)))
    np.testing.assert_array_equal(encoded['keypoint_weights'], [[1, 1, 1]])
    kinds = {key: value.dtype for key, value in encoded.items()}
    assert kinds == dict(
        keypoint_cells=np.int64,
        keypoint_cell_weights=np.float32,
        keypoint_weights=np.float32,
    )


def test_four_cells_by_hand() -> None:
    codec = CellIndex((10, 6), target='four')
    encoded = codec.encode(positions((3.25, 2.5), (9, 5)))
    maps = dense(codec, encoded)[0]
    # 0.75 * 0.5 in column 3, 0.25 * 0.5 in column 4, rows 2 and 3
    expected = torch.zeros(6, 10)
    expected[2:4, 3] = 0.375
    expected[2:4, 4] = 0.125
    torch.testing.assert_close(maps[0], expected)
    # on the last cell's centre
    expected = torch.zeros(6, 10)
    expected[5, 9] = 1
    torch.testing.assert_close(maps[1], expected)


def test_four_cells_with_stride_by_hand() -> None:
    codec = CellIndex((8, 8), (4, 4), target='four')
    # centres at 0.5, 2.5, 4.5, 6.5
    maps = dense(codec, codec.encode(positions((3.0, 6.0))))[0, 0]
    expected = torch.zeros(4, 4)
    expected[2, 1:3] = torch.tensor([0.75, 0.25]) * 0.25
    expected[3, 1:3] = torch.tensor([0.75, 0.25]) * 0.75
    torch.testing.assert_close(maps, expected)


@pytest.mark.parametrize('size', [(7, 5), (1, 5), (5, 1), (1, 1)])
def test_four_cells_sum_to_one_inside_the_map(size: tuple) -> None:
    codec = CellIndex(size, target='four')
    points = np.random.default_rng(0).uniform(-3, 10, (1, 200, 2))
    encoded = codec.encode(points)
    weights = encoded['keypoint_cell_weights']
    assert weights.shape == (1, 200, 4)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    assert weights.min() >= 0
    index = encoded['keypoint_cells']
    assert index.min() >= 0
    assert index.max() < size[0] * size[1]
    if min(size) > 1:  # four cells, also at the border
        assert (np.diff(np.sort(index[0])) > 0).all()
    # the mean of the cells is the position, clipped to the map
    found = (cells(codec, encoded) * weights[0, ..., None]).sum(1)
    inside = np.clip(points[0], 0, np.array(size) - 1)
    np.testing.assert_allclose(found, inside, atol=1e-5)


OUTSIDE = [
    # (position, clamped cell, counts with outside='mask')
    ((-0.5, 3), (0, 3), 1),
    ((-0.51, 3), (0, 3), 0),
    ((9.49, 3), (9, 3), 1),
    ((9.5, 3), (9, 3), 0),
    ((4, -0.51), (4, 0), 0),
    ((4, 5.5), (4, 5), 0),
    ((-100, 300), (0, 5), 0),
]


@pytest.mark.parametrize('target', ['one', 'four'])
@pytest.mark.parametrize(('point', 'cell', 'counts'), OUTSIDE)
def test_positions_outside_the_crop(
    target: str, point: tuple, cell: tuple, counts: int
) -> None:
    for outside, weight in (('clamp', 1), ('mask', counts)):
        codec = CellIndex((10, 6), target=target, outside=outside)
        encoded = codec.encode(positions(point, (2, 2)))
        np.testing.assert_array_equal(encoded['keypoint_weights'], [[weight, 1]])
        x, y = cell
        assert dense(codec, encoded)[0, 0, y, x] == pytest.approx(1)


def test_positions_outside_the_crop_with_stride() -> None:
    # cell 0 reaches from -0.5 to 3.5, cell 1 to 7.5
    codec = CellIndex((8, 8), (2, 2), outside='mask')
    encoded = codec.encode(positions((-0.5, 1), (-0.6, 1), (7.4, 1), (7.5, 1)))
    np.testing.assert_array_equal(encoded['keypoint_weights'], [[1, 0, 1, 0]])


@pytest.mark.parametrize('target', ['one', 'four'])
def test_invisible_keypoints(target: str) -> None:
    codec = CellIndex((10, 6), target=target)
    points = positions((2, 2), (np.nan, 3), (4, np.inf), (5, 5))
    encoded = codec.encode(points, np.array([[1, 0, 0, 0]], np.float32))
    np.testing.assert_array_equal(encoded['keypoint_weights'], [[1, 0, 0, 0]])
    assert np.isfinite(encoded['keypoint_cell_weights']).all()
    index = encoded['keypoint_cells']
    assert index.min() >= 0
    assert index.max() < 60


def test_visibility_2_counts_like_1() -> None:
    """The visibility 2 of COCO has no larger weight."""
    codec = CellIndex((10, 6))
    encoded = codec.encode(positions((2, 2), (3, 3)), np.array([[2, 1]]))
    np.testing.assert_array_equal(encoded['keypoint_weights'], [[1, 1]])


def test_visible_keypoints_must_be_finite() -> None:
    codec = CellIndex((10, 6))
    points = positions((2, 2), (np.nan, 3), (4, 4), (np.inf, 0))
    with pytest.raises(ValueError, match=r'keypoints \[1, 3\] are not fin'):
        codec.encode(points)


def test_the_input_is_not_modified() -> None:
    points = positions((-5, 2.3), (np.nan, 1))
    visible = np.array([[1, 0]], np.float32)
    before = points.copy()
    for target in ('one', 'four'):
        CellIndex((10, 6), target=target, outside='mask').encode(points, visible)
    np.testing.assert_array_equal(points, before)
    np.testing.assert_array_equal(visible, [[1, 0]])


@pytest.mark.parametrize('shape', [(2, 5, 2), (5, 2)])
def test_one_face_at_a_time(shape: tuple) -> None:
    with pytest.raises(ValueError, match='one face'):
        CellIndex((10, 6)).encode(np.ones(shape))


# ------------------------------------------------------------ round trips


def test_rounding_to_one_cell_costs_the_expected_distance() -> None:
    """The mean distance to the centre of a unit square: (sqrt 2 + asinh 1) / 6."""
    codec = CellIndex((12, 8), decoding='argmax')
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, (11.5, 7.5), (1, 20000, 2))
    decoded, _ = codec.batch_decode(dense(codec, codec.encode(points)))
    error = np.linalg.norm(decoded[0] - points, axis=-1).mean()
    assert error == pytest.approx(0.38260, abs=0.005)


@pytest.mark.parametrize('stride', [1, 2, 4])
@pytest.mark.parametrize('window', [3, 5])
def test_four_cells_keep_the_exact_position(stride: int, window: int) -> None:
    size = np.array((12, 8))
    codec = CellIndex(
        tuple(size * stride),
        tuple(size),
        target='four',
        window=window,
        score_radius=2 * stride,
    )
    low = (stride - 1) / 2
    high = stride * (size - 1) + low
    rng = np.random.default_rng(0)
    points = rng.uniform(low, high, (1, 500, 2))
    points[0, :4] = [(low, low), high, (low, high[1]), (high[0], 2.2)]
    decoded, scores = codec.batch_decode(dense(codec, codec.encode(points)))
    assert decoded.shape == (1, 1, 500, 2)
    assert np.abs(decoded[0] - points).max() < 1e-4
    np.testing.assert_allclose(scores, 1, atol=1e-5)


@pytest.mark.parametrize(
    ('stride', 'expected'), [(1, (3, 1)), (2, (6.5, 2.5)), (4, (13.5, 5.5))]
)
@pytest.mark.parametrize('decoding', ['argmax', 'local'])
def test_centre_of_a_cell(stride: int, expected: tuple, decoding: str) -> None:
    codec = CellIndex((6 * stride, 4 * stride), (6, 4), decoding=decoding)
    maps = torch.zeros(1, 1, 4, 6)
    maps[0, 0, 1, 3] = 1
    keypoints, scores = codec.batch_decode(maps)
    np.testing.assert_allclose(keypoints, [[[expected]]])
    np.testing.assert_allclose(scores, [[[1]]])


# ---------------------------------------------------------------- decode


def random_maps(*shape: int, seed: int = 0) -> torch.Tensor:
    """Peaked probability maps."""
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(shape, generator=generator)
    return scores.flatten(2).softmax(-1).view(shape)


@pytest.mark.parametrize(('stride', 'radius'), [(1, 3.0), (2, 3.0), (2, 7.5)])
def test_the_score_is_the_mass_near_the_keypoint(stride: int, radius: float) -> None:
    codec = CellIndex((9 * stride, 7 * stride), (9, 7), score_radius=radius)
    maps = random_maps(2, 3, 7, 9)
    keypoints, scores = codec.batch_decode(maps)
    assert scores.shape == (2, 1, 3)
    for b in range(2):
        for k in range(3):
            mass = 0.0
            x, y = keypoints[b, 0, k]
            for i in range(7):
                for j in range(9):
                    # the cell's centre in pixels of the crop
                    dx = stride * j + (stride - 1) / 2 - x
                    dy = stride * i + (stride - 1) / 2 - y
                    if (dx**2 + dy**2) ** 0.5 <= radius:
                        mass += maps[b, k, i, j].item()
            assert scores[b, 0, k] == pytest.approx(mass, abs=1e-5)
            assert 0 < mass < 1


@pytest.mark.parametrize('decoding', ['argmax', 'local'])
def test_a_batch_decodes_like_single_faces(decoding: str) -> None:
    codec = CellIndex((9, 7), decoding=decoding)
    maps = random_maps(3, 4, 7, 9)
    keypoints, scores = codec.batch_decode(maps)
    assert keypoints.shape == (3, 1, 4, 2)
    for i in range(3):
        alone, score = codec.decode(maps[i].numpy())
        assert alone.shape == (1, 4, 2)
        assert score.shape == (1, 4)
        np.testing.assert_allclose(alone, keypoints[i], atol=1e-6)
        np.testing.assert_allclose(score, scores[i], atol=1e-6)


def test_local_decoding_ignores_far_modes() -> None:
    maps = torch.zeros(1, 1, 20, 20)
    maps[..., 4, 4] = 0.4
    maps[..., 4, 5] = 0.2
    maps[..., 15, 15] = 0.4 - 1e-6
    local, scores = CellIndex((20, 20)).batch_decode(maps)
    np.testing.assert_allclose(local[0, 0, 0], (4 + 1 / 3, 4), atol=1e-5)
    np.testing.assert_allclose(scores, 0.6, atol=1e-5)
    best, _ = CellIndex((20, 20), decoding='argmax').batch_decode(maps)
    np.testing.assert_array_equal(best[0, 0, 0], (4, 4))


def test_half_precision_maps_with_gradient() -> None:
    maps = random_maps(1, 2, 7, 9)
    half = maps.to(torch.bfloat16).requires_grad_()
    keypoints, scores = CellIndex((9, 7)).batch_decode(half)
    assert keypoints.dtype == scores.dtype == np.float32
    same, _ = CellIndex((9, 7)).batch_decode(half.detach().float())
    np.testing.assert_array_equal(keypoints, same)


def test_wrong_size_of_maps() -> None:
    with pytest.raises(ValueError, match='maps of 7x9 cells.*expects 9x7'):
        CellIndex((9, 7)).batch_decode(torch.zeros(1, 1, 9, 7))
    with pytest.raises(ValueError, match='maps of 9x7 cells.*expects 18x14'):
        CellIndex((18, 14)).decode(np.zeros((1, 7, 9)))


# ----------------------------------------------------------- constructor


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(heatmap_size=(7, 8)), 'whole multiple'),
        (dict(heatmap_size=(4, 8)), 'whole multiple'),
        (dict(heatmap_size=(16, 16)), 'whole multiple'),
        (dict(target='two'), "target='two'.*'one', 'four'"),
        (dict(decoding='soft'), "decoding='soft'.*'argmax', 'local'"),
        (dict(outside='wrap'), "outside='wrap'.*'clamp', 'mask'"),
        (dict(window=4), 'window=4'),
        (dict(window=-1), 'window=-1'),
        (dict(window=0), 'window=0'),
    ],
)
def test_wrong_options(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CellIndex((8, 8), **options)


def test_lists_from_a_config_file() -> None:
    codec = CellIndex([8, 4], [4, 2])
    assert codec.heatmap_size == (4, 2)
    assert codec.stride == 2
    codec.batch_decode(torch.ones(1, 1, 2, 4) / 8)


@pytest.mark.parametrize('stride', [1, 2, 4])
def test_a_perfect_map_has_score_one(stride: int) -> None:
    codec = CellIndex((32 * stride, 32 * stride), (32, 32), target='four')
    keypoints = np.array([[(10.3 * stride, 7.5 * stride), (0.0, 5.1)]])
    target = codec.encode(keypoints)
    maps = np.zeros((2, 32 * 32), np.float32)
    for k in range(2):
        np.add.at(
            maps[k],
            target['keypoint_cells'][0, k],
            target['keypoint_cell_weights'][0, k],
        )
    _, scores = codec.decode(maps.reshape(2, 32, 32))
    np.testing.assert_allclose(scores, 1, atol=1e-6)


def test_the_old_name_of_the_radius_in_cells() -> None:
    codec = CellIndex((80, 80), (40, 40), score_radius=6.0)
    assert codec.score_radius_cells == 3
    with pytest.warns(DeprecationWarning, match='CellIndex.score_radius_cells'):
        assert codec.radius == 3
