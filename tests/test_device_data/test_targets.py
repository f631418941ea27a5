from __future__ import annotations

import numpy as np
import pytest
import torch

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.device_data.warp_and_targets import encode_cells


@pytest.mark.parametrize('outside', ['clamp', 'mask'])
@pytest.mark.parametrize('target', ['one', 'four'])
@pytest.mark.parametrize(
    'size', [((80, 80), (80, 80)), ((40, 24), (20, 12)), ((4, 4), (1, 1))]
)
def test_targets_equal_those_of_the_codec(
    size: tuple, target: str, outside: str
) -> None:
    """Positions in quarters of pixels, also on cell borders, must be exactly equal."""
    input_size, heatmap_size = size
    codec = CellIndex(input_size, heatmap_size, target=target, outside=outside)
    rng = np.random.default_rng(0)
    quarters = rng.integers(-80, 4 * np.array(input_size) + 80, (30, 9, 2))
    points = (quarters / 4).astype(np.float32)
    visible = rng.integers(0, 3, (30, 9)).astype(np.float32)
    points[0, 0], visible[0, 0] = (np.nan, np.inf), 0
    found = encode_cells(codec, torch.from_numpy(points), torch.from_numpy(visible))
    for i in range(30):
        expected = codec.encode(points[i : i + 1], visible[i : i + 1])
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            ours = found[name][i : i + 1].numpy()
            assert ours.dtype == value.dtype
            np.testing.assert_array_equal(ours, value, err_msg=name)
