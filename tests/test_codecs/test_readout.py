from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rcn_mmpose.codecs.decoding import (
    best_cells,
    local_expectation,
    mass_within,
)
from rcn_mmpose.codecs.readout import read_scores


def scores(sharpness: float, *shape: int) -> Tensor:
    torch.manual_seed(int(sharpness))
    coarse = torch.randn(*shape[:2], shape[2] // 4, shape[3] // 4)
    fine = torch.nn.functional.interpolate(
        coarse, shape[2:], mode='bicubic', align_corners=False
    )
    return sharpness * fine + torch.randn(*shape) / 10


MAPS = {
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


@pytest.mark.parametrize('name', MAPS)
@pytest.mark.parametrize('window', [5, 3, None])
@pytest.mark.parametrize('radius', [3.0, 1.5])
def test_as_the_heads_decode(name: str, window: int, radius: float) -> None:
    maps = MAPS[name].flatten(2).softmax(-1).view_as(MAPS[name])
    cells = best_cells(maps)
    expected = cells.float()
    if window is not None:
        expected = local_expectation(maps, cells, window)
    positions, mass, _ = read_scores(MAPS[name], window, radius)
    torch.testing.assert_close(positions, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        mass, mass_within(maps, expected, radius), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize('name', MAPS)
def test_covariance_cell_by_cell(name: str) -> None:
    _, _, covariance = read_scores(MAPS[name], 5, 3.0)
    mean, _, again = read_scores(MAPS[name], 0, 3.0)
    assert torch.equal(covariance, again)
    height, width = MAPS[name].shape[-2:]
    places = np.array([(x, y) for y in range(height) for x in range(width)])
    flat = MAPS[name].double().flatten(2).softmax(-1).numpy()
    for i, face in enumerate(flat):
        for k, weights in enumerate(face):
            centre = weights @ places
            expected = np.cov(places.T, aweights=weights, ddof=0)
            np.testing.assert_allclose(mean[i, k], centre, atol=1e-4)
            np.testing.assert_allclose(covariance[i, k], expected, atol=1e-3, rtol=1e-4)


def test_a_certain_map_has_no_spread() -> None:
    certain = torch.full((1, 1, 80, 80), -1e4)
    certain[0, 0, 79, 3] = 0
    positions, mass, covariance = read_scores(certain, 5, 3.0)
    assert positions.tolist() == [[[3, 79]]]
    assert mass.tolist() == [[1]]
    assert covariance.abs().max() < 1e-6


def test_bfloat16_scores_are_read_in_float32() -> None:
    low = MAPS['sharp'].bfloat16()
    found = read_scores(low, 5, 3.0)
    for a, b in zip(found, read_scores(low.float(), 5, 3.0), strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b)
