"""Properties of CellIndex for any map, stride and keypoint."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcn_mmpose.codecs import CellIndex

SIDES = st.integers(1, 12)


@st.composite
def codecs(draw: st.DrawFn, **fixed: object) -> CellIndex:
    """Maps of 1 to 12 cells a side, with a stride of 1 to 4."""
    size, stride = draw(st.tuples(SIDES, SIDES)), draw(st.integers(1, 4))
    options = dict(
        target=draw(st.sampled_from(['one', 'four'])),
        outside=draw(st.sampled_from(['clamp', 'mask'])),
        window=draw(st.sampled_from([3, 5, 7])),
    )
    crop = tuple(stride * n for n in size)
    return CellIndex(crop, size, **{**options, **fixed})


@st.composite
def cases(
    draw: st.DrawFn, beyond: float = 30, **fixed: object
) -> tuple[CellIndex, np.ndarray, np.ndarray]:
    """A codec, keypoints (1, K, 2) in and around its crop, and their visibility."""
    codec = draw(codecs(**fixed))
    count = draw(st.integers(1, 4))
    width, height = (codec.stride * n for n in codec.heatmap_size)
    # halves and quarters: the borders between cells
    where = [
        st.floats(-beyond, side - 1 + beyond)
        | st.integers(-2, 4 * side + 2).map(lambda n: n / 4)
        for side in (width, height)
    ]
    points = draw(st.lists(st.tuples(*where), min_size=count, max_size=count))
    seen = draw(arrays(np.float32, (1, count), elements=st.integers(0, 2)))
    return codec, np.array([points]), seen


def centres(codec: CellIndex) -> np.ndarray:
    """Centres of all cells in pixels of the crop, (H * W, 2)."""
    width, height = codec.heatmap_size
    return np.array(
        [
            [(n + 0.5) * codec.stride - 0.5 for n in (x, y)]
            for y in range(height)
            for x in range(width)
        ]
    )


@given(cases())
def test_encoded_cells(case: tuple) -> None:
    codec, points, seen = case
    encoded = codec.encode(points, seen)
    width, height = codec.heatmap_size
    cells = encoded['keypoint_cells']
    weights = encoded['keypoint_cell_weights']
    targets = 1 if codec.target == 'one' else 4
    assert cells.shape == weights.shape == (*seen.shape, targets)
    assert (cells >= 0).all() and (cells < width * height).all()
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    # the crop's edge is half a cell beyond the outer centres
    edge = np.array([width, height]) * codec.stride - 0.5
    inside = ((points >= -0.5) & (points < edge)).all(-1)
    counts = (seen > 0) & (inside | (codec.outside == 'clamp'))
    np.testing.assert_array_equal(encoded['keypoint_weights'], counts)


@given(cases(target='one'))
def test_one_cell_is_the_nearest(case: tuple) -> None:
    codec, points, seen = case
    cell = codec.encode(points, seen)['keypoint_cells'][0, :, 0]
    away = np.abs(centres(codec)[None] - points[0][:, None])
    chosen = away[np.arange(len(cell)), cell]
    np.testing.assert_array_less(chosen, away.min(1) + 1e-9)


@given(cases(target='four'))
def test_four_cells_keep_the_position(case: tuple) -> None:
    codec, points, seen = case
    encoded = codec.encode(points, seen)
    places = centres(codec)
    mean = (
        places[encoded['keypoint_cells']] * encoded['keypoint_cell_weights'][..., None]
    ).sum(-2)
    wanted = np.clip(points, places.min(0), places.max(0))
    np.testing.assert_allclose(mean, wanted, atol=1e-4)


def maps_of(codec: CellIndex, encoded: dict) -> torch.Tensor:
    """Target maps, (1, K, H, W)."""
    width, height = codec.heatmap_size
    cells = torch.as_tensor(encoded['keypoint_cells'])
    weights = torch.as_tensor(encoded['keypoint_cell_weights'])
    flat = torch.zeros(*cells.shape[:2], height * width)
    return flat.scatter_add(-1, cells, weights).unflatten(-1, (height, width))


@given(cases(target='one'))
def test_round_trip_by_one_cell(case: tuple) -> None:
    codec, points, seen = case
    encoded = codec.encode(points, seen)
    decoded, scores = codec.batch_decode(maps_of(codec, encoded))
    places = centres(codec)
    np.testing.assert_allclose(
        decoded[0, 0], places[encoded['keypoint_cells'][0, :, 0]], atol=1e-5
    )
    inside = np.clip(points[0], places.min(0), places.max(0))
    assert (np.abs(decoded[0, 0] - inside) <= codec.stride / 2 + 1e-4).all()
    np.testing.assert_allclose(scores, 1, atol=1e-6)


@given(cases(target='four', decoding='local'))
def test_round_trip_by_four_cells(case: tuple) -> None:
    codec, points, seen = case
    places = centres(codec)
    wanted = np.clip(points[0], places.min(0), places.max(0))
    parts = (wanted - places[0]) / codec.stride % 1
    # nearly equal cells count as a block: see the next test
    assume((np.abs(parts - 0.5) > 1e-4).all())
    decoded, scores = codec.batch_decode(maps_of(codec, codec.encode(points, seen)))
    np.testing.assert_allclose(decoded[0, 0], wanted, atol=1e-3)
    np.testing.assert_allclose(scores, 1, atol=1e-6)


@given(cases(target='four', decoding='local'))
@example(
    (
        CellIndex((8, 8), target='four', decoding='local'),
        np.array([[(2.5, 3.25)]]),
        np.ones((1, 1), np.float32),
    )
)
def test_blocks_cost_half_a_cell_at_most(case: tuple) -> None:
    codec, points, seen = case
    decoded, _ = codec.batch_decode(maps_of(codec, codec.encode(points, seen)))
    places = centres(codec)
    wanted = np.clip(points[0], places.min(0), places.max(0))
    assert (np.abs(decoded[0, 0] - wanted) <= codec.stride / 2 + 1e-3).all()


@given(codecs(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_any_maps_decode(codec: CellIndex, count: int, seed: int) -> None:
    width, height = codec.heatmap_size
    draw = torch.Generator().manual_seed(seed)
    scores = 9 * torch.randn(2, count, height * width, generator=draw)
    maps = scores.softmax(-1).unflatten(-1, (height, width))
    points, mass = codec.batch_decode(maps)
    assert points.shape == (2, 1, count, 2)
    assert np.isfinite(points).all()
    places = centres(codec)
    assert (points >= places.min(0) - 1e-3).all()
    assert (points <= places.max(0) + 1e-3).all()
    assert ((mass >= 0) & (mass <= 1)).all()


@given(cases(outside='clamp'), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_positions_that_are_not_finite(case: tuple, value: float) -> None:
    codec, points, seen = case
    whole = codec.encode(points, seen)
    points[0, 0, 1] = value
    seen[0, 0] = 0
    encoded = codec.encode(points, seen)
    assert encoded['keypoint_weights'][0, 0] == 0
    for key, found in encoded.items():  # the other keypoints do not change
        np.testing.assert_array_equal(found[0, 1:], whole[key][0, 1:])
    seen[0, 0] = 1
    try:
        codec.encode(points, seen)
    except ValueError as error:
        assert '[0] are not finite' in str(error)
    else:
        raise AssertionError('encoded what is not finite')
