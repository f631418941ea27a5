from __future__ import annotations

import pytest
import torch

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.codecs.decoding import (
    best_cells,
    block_around,
    local_expectation,
    mass_within,
)


def with_values(height: int, width: int, values: dict) -> torch.Tensor:
    """One map with the values given at (x, y)."""
    maps = torch.zeros(1, 1, height, width)
    for (x, y), value in values.items():
        maps[0, 0, y, x] = value
    return maps


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
        # all of them: one block, its middle
        ([(x, y) for x in range(7) for y in range(5)], [3, 2]),
    ],
)
def test_ties(cells: list, first: list) -> None:
    maps = with_values(5, 7, dict.fromkeys(cells, 0.25))
    assert best_cells(maps)[0, 0].tolist() == first


def test_ties_in_long_maps() -> None:
    """Vectorised reductions take their chunks in another order."""
    maps = torch.full((2, 3, 80, 80), 1 / 6400)
    assert (best_cells(maps) == 39).all()
    maps[..., 17, 31] = maps[..., 17, 70] = maps[..., 60, 3] = 0.1
    assert (best_cells(maps) == torch.tensor([31, 17])).all()


@pytest.mark.parametrize('side', [1, 2, 3, 4, 8, 16, 40])
def test_a_tiled_map_is_decoded_to_the_middle_of_its_tile(side: int) -> None:
    """The centroid of the equal cells, whatever the tiles beside hold."""
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
    assert len(maps[0, 0].unique()) > 100  # so the test can fail
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
    """At every cell, those near a border too; maps smaller than the window."""
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
    """Of each map by itself, whatever the others are."""
    maps = torch.cat(
        [
            # a block of 2x2 cells, its middle between them
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
