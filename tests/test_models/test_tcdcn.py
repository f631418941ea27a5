from __future__ import annotations

import pytest
import torch
from by_hand import count, randomize, shapes
from mmpose.models.heads import RegressionHead

from rcn_mmpose.models import TCDCN


def test_layers() -> None:
    net = TCDCN()
    assert shapes(net) == [
        (1, 16, 5),
        (16, 48, 3),
        (48, 64, 3),
        (64, 64, 2),
        # fully connected: covers the whole map of 2x2
        (64, 100, 2),
    ]
    assert count(net, RegressionHead(net.out_channels, 5)) == 78_246


def test_forward_by_hand() -> None:
    """Each layer as a product with the windows of its map."""
    net = TCDCN().eval()
    randomize(net)
    x = torch.randn(3, 1, 40, 40, generator=torch.Generator().manual_seed(1))
    found = net(x)
    sides = []
    for i, conv in enumerate(net.convs):
        k = conv.kernel_size[0]
        windows = x.unfold(2, k, 1).unfold(3, k, 1)
        x = torch.einsum('bchwij,ocij->bohw', windows, conv.weight)
        x = (x + conv.bias[:, None, None]).tanh().abs()
        sides.append(x.shape[-1])
        if i < 3:
            x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1))
    assert sides == [36, 16, 6, 2, 1]
    assert len(found) == 1
    assert found[0].shape == (3, 100, 1, 1)
    assert x.std() > 0.01
    torch.testing.assert_close(found[0], x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('shape', [(1, 1, 80, 80), (1, 3, 40, 40)])
def test_wrong_input(shape: tuple) -> None:
    with pytest.raises(ValueError, match=r'takes \(B, 1, 40, 40\)') as error:
        TCDCN()(torch.zeros(shape))
    assert str(shape) in str(error.value)
