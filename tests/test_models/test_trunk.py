from __future__ import annotations

import pytest
import torch
from by_hand import apply, conv_layers, halve, randomize, shapes

from rcn_mmpose.models import Trunk


@pytest.mark.parametrize(('layers', 'levels'), [('mtfl', 7), ('300w', 5)])
def test_pyramid_of_features(layers: str, levels: int) -> None:
    trunk = Trunk(layers, levels).eval()
    randomize(trunk)
    x = torch.randn(2, 1, 80, 80, generator=torch.Generator().manual_seed(1))
    found = trunk(x)
    assert len(found) == levels
    for level, (stage, out) in enumerate(zip(trunk.trunk, found, strict=True)):
        x = apply(halve(x) if level else x, conv_layers(stage))
        assert out.shape == x.shape
        torch.testing.assert_close(out, x, rtol=1e-4, atol=1e-4)
    assert x.std() > 0.01


def test_own_layers() -> None:
    trunk = Trunk([(4, 3), (6, 5)], in_channels=3)
    assert shapes(trunk) == [(3, 4, 3), (4, 6, 5)]


def test_unknown_layers() -> None:
    with pytest.raises(ValueError, match=r"'wflw'.*'300w', 'mtfl'"):
        Trunk('wflw')


@pytest.mark.parametrize('num_levels', [0, 8])
def test_wrong_number_of_levels(num_levels: int) -> None:
    with pytest.raises(ValueError, match=f'={num_levels} is.*1 to 7'):
        Trunk('mtfl', num_levels)
