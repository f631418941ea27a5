from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rcn_mmpose.inference.split_upsampling import conv_of_tiled, phase_weights


@pytest.mark.parametrize('kernel', [1, 3, 5, 7, 9])
@pytest.mark.parametrize('size', [(4, 6), (1, 1), (2, 9)])
def test_conv_of_tiled_equals_tile_and_conv_also_at_borders(
    kernel: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    weight = torch.randn(4, 3, kernel, kernel, dtype=torch.float64)
    expected = F.conv2d(
        x.repeat_interleave(2, 2).repeat_interleave(2, 3),
        weight,
        padding=kernel // 2,
    )
    found = conv_of_tiled(x, phase_weights(weight), kernel)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(('kernel', 'part'), [(1, 1), (3, 4 / 9), (5, 9 / 25)])
def test_share_of_multiplications(kernel: int, part: float) -> None:
    """The share of the k * k multiplications for each cell of the large map."""
    phases = phase_weights(torch.ones(1, 1, kernel, kernel))
    assert len(phases) == 4
    assert phases[0].numel() / kernel**2 == part
    # The sum over the weights of each phase contains every weight once.
    assert (phases.sum((1, 2, 3)) == kernel**2).all()
