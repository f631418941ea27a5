from __future__ import annotations

import pytest
import torch
from by_hand import count, randomize
from torch import Tensor, nn

from rcn_mmpose.models import RefineNet
from rcn_mmpose.models.necks.refinenet import (
    ChainedResidualPooling,
    ResidualConvUnit,
)


def maps(*shapes: tuple) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, *s, generator=generator) for s in shapes)


def silence(module: nn.Module) -> None:
    for parameter in module.parameters():
        parameter.data.zero_()


def copy(conv: nn.Conv2d) -> None:
    """Set a convolution to the identity."""
    silence(conv)
    conv.weight.data[:, :, 1, 1] = torch.eye(len(conv.weight))


def test_residual_unit() -> None:
    unit = ResidualConvUnit(3)
    (x,) = maps((3, 4, 5))
    silence(unit)
    assert torch.equal(unit(x), x)  # the identity bypasses the convolutions
    copy(unit.conv1), copy(unit.conv2)
    torch.testing.assert_close(unit(x), x + x.relu())


def test_chained_pooling_by_brute_force() -> None:
    """Two poolings of 5x5 reach 9x9 cells."""
    chain = ChainedResidualPooling(1, stages=2)
    for conv in chain.convs:
        copy(conv)
    x = maps((1, 6, 7))[0]
    positive = x.relu()
    expected = positive.clone()
    for i in range(6):
        for j in range(7):
            for reach in (2, 4):
                window = positive[
                    ...,
                    max(i - reach, 0) : i + reach + 1,
                    max(j - reach, 0) : j + reach + 1,
                ]
                expected[..., i, j] += window.amax((-2, -1))
    torch.testing.assert_close(chain(x), expected)


def test_paths_are_added_at_the_finer_size() -> None:
    neck = RefineNet((1, 1), (1, 1))
    silence(neck)
    for block in neck.blocks:
        for path in block.paths:
            copy(path[2])
    fine = maps((1, 2, 6))[0]
    coarse = torch.tensor([[[[3.0, 1, 5]]]]).expand(2, -1, -1, -1)
    # bilinear, from 3 cells to 6 by their centres; the border is repeated
    line = torch.tensor([3.0, 2.5, 1.5, 2.0, 4.0, 5.0])
    assert [len(block.paths) for block in neck.blocks] == [2, 1]
    out = neck((fine, coarse))
    assert len(out) == 1
    torch.testing.assert_close(out[0], (fine + line).relu())


def test_parameter_count() -> None:
    neck = RefineNet((16, 32, 48), (8, 16, 24), pool_stages=3)

    def conv(a: int, b: int) -> int:
        return a * b * 9 + b

    total = 0
    for level, width in ((16, 8), (32, 16), (48, 24)):
        coarser = {8: [16], 16: [24], 24: []}[width]
        for path in [level, *coarser]:
            total += 4 * conv(path, path) + conv(path, width)
        total += (3 + 2) * conv(width, width)
    assert count(neck) == total
    assert neck.out_channels == 8


def test_every_weight_is_trained() -> None:
    neck = RefineNet((3, 5, 7), (2, 4, 6))
    randomize(neck)
    out = neck(maps((3, 10, 10), (5, 5, 5), (7, 2, 2)))[0]
    assert out.shape == (2, 2, 10, 10)
    out.square().mean().backward()
    for name, parameter in neck.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_other_channels() -> None:
    with pytest.raises(ValueError, match=r'\(3, 5\) channels instead of \(3,'):
        RefineNet((3, 6), (2, 4))(maps((3, 10, 10), (5, 5, 5)))


def test_one_width_a_map() -> None:
    with pytest.raises(ValueError, match=r'channels=\(2,\) for 2 maps'):
        RefineNet((3, 6), (2,))
