from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rcn_mmpose.models.one_hot import (
    one_hot_cells,
    one_hot_maps,
)


def test_round_trip_from_cells_to_maps() -> None:
    cells = torch.tensor([[0, 11, 5], [4, 4, 3]])
    maps = one_hot_maps(cells, (3, 4))
    assert maps.shape == (2, 3, 3, 4)
    assert maps.dtype == torch.float32
    assert maps.sum().item() == 6
    # cell 11 is row 2, column 3; cell 5 row 1, column 1
    assert maps[0, 0, 0, 0] == maps[0, 1, 2, 3] == maps[0, 2, 1, 1] == 1
    assert torch.equal(one_hot_cells(maps), cells)
    assert torch.equal(one_hot_cells(maps.double()), cells)


@pytest.mark.parametrize(
    ('values', 'shown'),
    [
        ([0, 0, 0, 0], 'holds 0 values'),
        ([1, 1, 0, 0], 'holds 2 values'),
        ([0, 2, 0, 0], 'largest 2'),
        ([0, 0.7, 0.3, 0], 'largest 0.7'),
        ([1, 0.5, -0.5, 0], 'holds 3 values'),
        ([1, 0, 1e-3, 0], 'holds 2 values'),
        ([0, float('nan'), 0, 0], 'not one-hot'),
    ],
)
def test_not_one_hot(values: list, shown: str) -> None:
    maps = one_hot_maps(torch.zeros(2, 3, dtype=torch.long), (2, 2))
    maps[1, 2] = Tensor(values).view(2, 2)
    with pytest.raises(ValueError, match=shown) as error:
        one_hot_cells(maps)
    assert '1 of 6 maps' in str(error.value)
    assert 'keypoint 2 of face 1' in str(error.value)
