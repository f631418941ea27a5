from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.codecs.calibration import FLOOR, Calibration
from rcn_mmpose.codecs.decoding import (
    best_cells,
    block_around,
    local_expectation,
    mass_within,
    mean_and_covariance,
    mean_position,
    probability_maps,
    read_scores,
)
from rcn_mmpose.lab.calibration.map_statistics import (
    TEMPERATURES,
    UNIT,
    at_temperatures,
)


def scores(sharpness: float, *shape: int) -> Tensor:
    torch.manual_seed(int(sharpness))
    coarse = torch.randn(*shape[:2], shape[2] // 4, shape[3] // 4)
    fine = torch.nn.functional.interpolate(
        coarse, shape[2:], mode='bicubic', align_corners=False
    )
    return sharpness * fine + torch.randn(*shape) / 10


SCORES = {
    'sharp': scores(8, 3, 5, 24, 32),
    'flat': scores(1, 3, 5, 24, 32),
    # modes in every corner and at the border
    'borders': torch.zeros(1, 5, 12, 16).index_put(
        (
            torch.zeros(5, dtype=torch.int64),
            torch.arange(5),
            torch.tensor([0, 0, 11, 11, 5]),
            torch.tensor([0, 15, 0, 15, 0]),
        ),
        torch.tensor(9.0),
    ),
    # blocks of equal cells, as in coarse maps that were tiled up
    'blocks': scores(4, 2, 3, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3),
    'constant': torch.zeros(1, 2, 6, 6),
}


def with_values(height: int, width: int, values: dict) -> torch.Tensor:
    """One map with the values given at (x, y)."""
    maps = torch.zeros(1, 1, height, width)
    for (x, y), value in values.items():
        maps[0, 0, y, x] = value
    return maps


# --------------------------------------------------------------- best cells


def test_best_cells() -> None:
    maps = torch.cat(
        [
            with_values(3, 4, {(2, 1): 0.5, (0, 0): 0.4}),
            with_values(3, 4, {(3, 2): 0.1}),
        ],
        dim=1,
    )
    found = best_cells(maps)
    assert found.dtype == torch.int64
    assert found.tolist() == [[[2, 1], [3, 2]]]


@pytest.mark.parametrize(
    ('cells', 'first'),
    [
        # in reading order: the upper row first, then the left column
        ([(5, 2), (1, 3)], [5, 2]),
        ([(4, 2), (3, 2), (6, 2)], [3, 2]),
        ([(6, 4), (0, 4), (3, 0)], [3, 0]),
        # all cells are equal: the middle of one block
        ([(x, y) for x in range(7) for y in range(5)], [3, 2]),
    ],
)
def test_ties(cells: list, first: list) -> None:
    maps = with_values(5, 7, dict.fromkeys(cells, 0.25))
    assert best_cells(maps)[0, 0].tolist() == first


def test_ties_in_long_maps() -> None:
    """Vectorised reductions read long maps in chunks, in another order."""
    maps = torch.full((2, 3, 80, 80), 1 / 6400)
    assert (best_cells(maps) == 39).all()
    maps[..., 17, 31] = maps[..., 17, 70] = maps[..., 60, 3] = 0.1
    assert (best_cells(maps) == torch.tensor([31, 17])).all()


@pytest.mark.parametrize('side', [1, 2, 3, 4, 8, 16, 40])
def test_a_tiled_map_is_decoded_to_the_middle_of_its_tile(side: int) -> None:
    """The centroid of the equal cells, for any values of the tiles beside."""
    coarse = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    maps = torch.kron(coarse, torch.ones(side, side))
    flat = coarse.flatten(2).argmax(-1)
    tiles = torch.stack((flat % 4, flat // 4), dim=-1)
    cells = best_cells(maps)
    assert torch.equal(cells, tiles * side + (side - 1) // 2)
    if side > 1:
        found = local_expectation(maps, cells, 5)
        assert torch.equal(found, tiles * side + (side - 1) / 2)


def test_tiles_whose_cells_were_rounded_differently() -> None:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 2, 5, 4, generator=generator)
    maps = torch.kron(coarse, torch.ones(8, 8))
    plain = best_cells(maps)
    noise = torch.rand(maps.shape, generator=generator) - 0.5
    maps = maps * (1 + 1e-6 * noise)
    assert len(maps[0, 0].unique()) > 100  # the cells do differ
    cells = best_cells(maps)
    assert torch.equal(cells, plain)
    assert torch.equal(local_expectation(maps, cells, 5), cells + 0.5)


def test_block_around_by_hand() -> None:
    maps = torch.tensor(
        [
            [1.0, 1, 0, 1, 1, 1],
            [1.0, 1, 0, 0, 1, 1],
            [0.0, 1, 0, 2, 1, 1],
        ]
    )[None, None]
    for cell, first, last in (
        ((0, 0), (0, 0), (1, 1)),
        ((1, 0), (0, 0), (1, 2)),
        ((4, 1), (4, 0), (5, 2)),
        ((3, 2), (3, 2), (3, 2)),
        ((2, 1), (2, 0), (3, 2)),
    ):
        found = block_around(maps, torch.tensor([[cell]]))
        assert [x[0, 0].tolist() for x in found] == [list(first), list(last)]


def test_negative_maps() -> None:
    maps = torch.full((1, 1, 3, 4), -5.0)
    maps[0, 0, 2, 1] = -4.0
    assert best_cells(maps)[0, 0].tolist() == [1, 2]


# ------------------------------------------------------- local expectation


def test_local_expectation_by_hand() -> None:
    maps = with_values(9, 9, {(4, 3): 0.5, (5, 3): 0.1, (4, 5): 0.2})
    cell = torch.tensor([[[4, 3]]])
    # within two cells: x = 4 + 0.1 / 0.8, y = 3 + 2 * 0.2 / 0.8
    found = local_expectation(maps, cell, window=5)
    torch.testing.assert_close(found, torch.tensor([[[4.125, 3.5]]]))
    # within one cell: (4, 5) does not count
    found = local_expectation(maps, cell, window=3)
    torch.testing.assert_close(found, torch.tensor([[[4 + 1 / 6, 3.0]]]))
    found = local_expectation(maps, cell, window=1)
    torch.testing.assert_close(found, torch.tensor([[[4.0, 3.0]]]))


@pytest.mark.parametrize('window', [3, 5, 9])
def test_local_expectation_by_brute_force(window: int) -> None:
    """At every cell, also near a border; maps smaller than the window."""
    height, width = 4, 6
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(1, 1, height, width, generator=generator)
    reach = window // 2
    for row in range(height):
        for column in range(width):
            total = x = y = 0.0
            for i in range(max(row - reach, 0), min(row + reach + 1, height)):
                for j in range(max(column - reach, 0), min(column + reach + 1, width)):
                    value = maps[0, 0, i, j].item()
                    total, x, y = total + value, x + j * value, y + i * value
            found = local_expectation(maps, torch.tensor([[[column, row]]]), window)
            expected = torch.tensor([[[x / total, y / total]]])
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_each_map_has_its_own_window() -> None:
    maps = torch.cat(
        [
            with_values(6, 6, {(1, 1): 0.5, (2, 1): 0.5}),
            with_values(6, 6, {(4, 4): 0.5, (4, 3): 0.5}),
        ]
    )
    cells = torch.tensor([[[1, 1]], [[4, 4]]])
    found = local_expectation(maps, cells, 3)
    torch.testing.assert_close(found[:, 0], torch.tensor([[1.5, 1], [4, 3.5]]))


# -------------------------------------------------------------------- mass


@pytest.mark.parametrize(
    ('radius', 'mass'), [(0, 1), (1, 5), (1.4, 5), (1.5, 9), (2, 13), (9, 48)]
)
def test_mass_within_counts_the_cells_of_a_disc(radius: float, mass: int) -> None:
    maps = torch.full((1, 1, 6, 8), 1 / 48)
    found = mass_within(maps, torch.tensor([[[3.0, 2.0]]]), radius)
    torch.testing.assert_close(found, torch.tensor([[mass / 48]]))


def test_mass_within_is_clipped_by_the_border() -> None:
    maps = torch.full((1, 1, 6, 8), 1 / 48)
    # (0, 0), (1, 0), (0, 1); then the four cells around (0.5, 0.5)
    found = mass_within(maps, torch.tensor([[[0.0, 0.0]]]), 1)
    torch.testing.assert_close(found, torch.tensor([[3 / 48]]))
    found = mass_within(maps, torch.tensor([[[0.5, 0.5]]]), 0.8)
    torch.testing.assert_close(found, torch.tensor([[4 / 48]]))


def test_mass_is_at_most_one() -> None:
    # sums of float32 probabilities can exceed 1 by rounding
    maps = torch.full((1, 1, 2, 2), 0.25 + 1e-6)
    assert mass_within(maps, torch.zeros(1, 1, 2), 5).item() == 1


def test_blocks_and_single_cells_side_by_side() -> None:
    """Each map is decoded by itself, for any other maps of the batch."""
    maps = torch.cat(
        [
            # a block of 2x2 cells; the middle lies between the cells
            with_values(
                6,
                7,
                dict.fromkeys([(2, 3), (3, 3)], 0.2)
                | dict.fromkeys([(2, 4), (3, 4)], 0.2),
            ),
            # a cell with a smaller neighbour
            with_values(6, 7, {(5, 1): 0.3, (6, 1): 0.1}),
        ],
        dim=1,
    )
    found = local_expectation(maps, best_cells(maps), 3)
    torch.testing.assert_close(found, torch.tensor([[[2.5, 3.5], [5.25, 1.0]]]))


def test_a_window_of_one_cell() -> None:
    maps = with_values(6, 7, {(5, 1): 0.3, (6, 1): 0.1})
    codec = CellIndex((7, 6), window=1)
    assert codec.batch_decode(maps)[0].tolist() == [[[[5, 1]]]]


@pytest.mark.parametrize('name', SCORES)
@pytest.mark.parametrize('radius', [0.4, 1.5, 3.0, 7.9, 100.0, float('inf')])
def test_mass_within_by_brute_force(name: str, radius: float) -> None:
    """At cells, between cells, and at the corners of the map."""
    maps = probability_maps(SCORES[name])
    height, width = maps.shape[-2:]
    mean, _ = mean_and_covariance(maps)
    corner = torch.tensor([width - 1.0, height - 1.0]).expand_as(mean)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    for positions in (mean, mean.round(), corner, torch.zeros_like(mean)):
        found = mass_within(maps, positions, radius)
        at_x, at_y = positions[..., None, None].unbind(-3)
        near = (x - at_x).square() + (y - at_y).square() <= radius**2
        expected = (maps.double() * near).sum((-2, -1))
        torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)


# ------------------------------------------------------ mean and covariance


@pytest.mark.parametrize('name', SCORES)
def test_mean_and_covariance_cell_by_cell(name: str) -> None:
    maps = probability_maps(SCORES[name])
    mean, covariance = mean_and_covariance(maps)
    assert torch.equal(mean, mean_position(maps))
    height, width = maps.shape[-2:]
    places = np.array([(x, y) for y in range(height) for x in range(width)])
    flat = SCORES[name].double().flatten(2).softmax(-1).numpy()
    for i, face in enumerate(flat):
        for k, weights in enumerate(face):
            expected = np.cov(places.T, aweights=weights, ddof=0)
            np.testing.assert_allclose(mean[i, k], weights @ places, atol=1e-4)
            np.testing.assert_allclose(covariance[i, k], expected, atol=1e-3, rtol=1e-4)


def test_the_mean_has_a_gradient() -> None:
    maps = probability_maps(SCORES['constant'])
    assert torch.autograd.gradcheck(
        mean_position, maps[:, :1].double().requires_grad_()
    )


# -------------------------------------------------------------- score maps


@pytest.mark.parametrize('name', SCORES)
@pytest.mark.parametrize('window', [5, 3, 0, None])
def test_read_scores_is_made_of_the_other_functions(
    name: str, window: int | None
) -> None:
    maps = probability_maps(SCORES[name])
    mean, covariance = mean_and_covariance(maps)
    cells = best_cells(maps)
    expected = mean if window == 0 else cells.float()
    if window:
        expected = local_expectation(maps, cells, window)
    found = read_scores(SCORES[name], window, 3.0)
    assert torch.equal(found[0], expected)
    assert torch.equal(found[1], mass_within(maps, expected, 3.0))
    assert torch.equal(found[2], covariance)


def test_the_codec_decodes_as_the_predictor() -> None:
    maps = probability_maps(SCORES['sharp'])
    for decoding, window in (('local', 5), ('argmax', None)):
        codec = CellIndex((32, 24), decoding=decoding)
        keypoints, confidence = codec.batch_decode(maps)
        found = read_scores(SCORES['sharp'], window, codec.score_radius_cells)
        np.testing.assert_array_equal(keypoints[:, 0], found[0])
        np.testing.assert_array_equal(confidence[:, 0], found[1])


@pytest.mark.parametrize('name', ['sharp', 'flat', 'borders'])
def test_calibration_statistics_equal_decoding(name: str) -> None:
    """One matrix product for a temperature gives the numbers of read_scores."""
    positions, confidence, covariance = read_scores(SCORES[name], 5, 3.0)
    for i, maps in enumerate(probability_maps(SCORES[name])):
        mass, second, about_mean = at_temperatures(maps, positions[i], 3.0)
        assert len(mass) == len(TEMPERATURES)
        torch.testing.assert_close(mass[UNIT], confidence[i], atol=1e-5, rtol=0)
        torch.testing.assert_close(about_mean, covariance[i], atol=2e-3, rtol=1e-3)
        mean = mean_position(maps[None])[0]
        apart = mean - positions[i]
        expected = covariance[i] + apart[:, :, None] * apart[:, None]
        torch.testing.assert_close(second[UNIT], expected, atol=2e-3, rtol=1e-3)


def test_a_certain_map_has_no_spread() -> None:
    certain = torch.full((1, 1, 80, 80), -1e4)
    certain[0, 0, 79, 3] = 0
    positions, mass, covariance = read_scores(certain, 5, 3.0)
    assert positions.tolist() == [[[3, 79]]]
    assert mass.tolist() == [[1]]
    assert covariance.abs().max() < 1e-6


def test_bfloat16_scores_are_read_in_float32() -> None:
    low = SCORES['sharp'].bfloat16()
    found = read_scores(low, 5, 3.0)
    for a, b in zip(found, read_scores(low.float(), 5, 3.0), strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b)


@pytest.mark.parametrize('window', [None, 0, 5])
@pytest.mark.parametrize('temperature', [1.0, 0.6, 2.0])
def test_read_scores_with_a_calibration_by_brute_force(
    window: int | None, temperature: float
) -> None:
    """Position from the map itself, the statements from the flattened map."""
    height, width, radius, scale = 7, 9, 2.0, 1.5
    torch.manual_seed(0)
    scores = 2 * torch.randn(2, 3, height, width)
    calibration = Calibration(temperature, scale)
    found = read_scores(scores, window, radius, calibration)
    y, x = np.mgrid[:height, :width]
    for b, k in np.ndindex(2, 3):
        flat = scores[b, k].double().numpy()
        p, q = np.exp(flat), np.exp(flat / temperature)
        p, q = p / p.sum(), q / q.sum()
        row, column = divmod(int(p.argmax()), width)
        near = (abs(x - column) <= 2) & (abs(y - row) <= 2)
        inside = near if window == 5 else np.ones_like(near)
        weights = p * inside / (p * inside).sum()
        place = np.array([(weights * x).sum(), (weights * y).sum()])
        if window is None:
            place = np.array([column, row])
        apart = np.stack((x - place[0], y - place[1]))
        mass = q[(apart**2).sum(0) <= radius**2].sum()
        spread = np.einsum('ihw,jhw,hw->ij', apart, apart, q) + FLOOR * np.eye(2)
        positions, confidence, covariance = (part[b, k].numpy() for part in found)
        np.testing.assert_allclose(positions, place, atol=1e-5)
        np.testing.assert_allclose(confidence, mass, atol=1e-5)
        np.testing.assert_allclose(covariance, scale * spread, rtol=1e-4, atol=1e-5)
