from __future__ import annotations

import pytest
import torch
from torch import nn

from rcn_mmpose.inference import split_upsampling as module
from rcn_mmpose.inference.split_upsampling import (
    SplitRCN,
    halve,
    split_upsampling,
    tile,
)
from rcn_mmpose.models import layers
from rcn_mmpose.models.backbones import RCN, SumNet

from .small_model import DENOISER, HEAD, build


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Return whether tensors are equal within 1e-5 of the largest value."""
    apart = (found - expected).abs().max()
    return found.shape == expected.shape and bool(apart <= 1e-5 * expected.abs().max())


def random_weights(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        scale = (2 / weight[0].numel()) ** 0.5 if weight.ndim > 1 else 0.3
        weight.data.normal_(0, scale, generator=generator)
    return model.eval()


# ------------------------------------------------------- whole networks


@pytest.mark.parametrize(
    ('options', 'size'),
    [
        (dict(num_branches=6), (80, 80)),
        (dict(num_branches=7), (80, 80)),  # 5 -> 2
        (dict(num_branches=5, arch='300w'), (80, 80)),
        (dict(num_branches=7, arch='300w'), (80, 80)),
        (dict(num_branches=4), (40, 24)),
        (dict(num_branches=2), (6, 2)),
        (dict(num_branches=4, mask=(0, 1, 1, 1)), (40, 40)),
        (dict(num_branches=4, mask=(1, 0, 0, 1)), (40, 40)),
        (dict(num_branches=4, mask=(1, 1, 0, 0)), (40, 40)),
        (dict(num_branches=6, skip=True), (80, 80)),
        (dict(num_branches=4, skip=True, mask=(1, 0, 1, 1)), (40, 40)),
        (dict(num_branches=3, in_channels=3), (16, 24)),
    ],
    ids=str,
)
@pytest.mark.parametrize('fused', [True, False])
def test_the_split_network_equals_the_original(
    options: dict,
    size: tuple[int, int],
    fused: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not fused:
        monkeypatch.setattr(module, '_fuses', lambda x: False)
    rcn = random_weights(RCN(**options))
    split = split_upsampling(rcn)
    assert isinstance(split, SplitRCN)
    x = torch.randn(2, options.get('in_channels', 1), *size)
    channels_last = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        (expected,) = rcn(x)
        assert close(split(x)[0], expected)
        assert close(split(channels_last)[0], expected)
        assert close(split(x[:1])[0], expected[:1])


def test_the_original_network_does_not_change() -> None:
    rcn = random_weights(RCN(num_branches=3))
    before = {k: v.clone() for k, v in rcn.state_dict().items()}
    with torch.inference_mode():
        split_upsampling(rcn)(torch.randn(1, 1, 16, 16))
    for name, value in rcn.state_dict().items():
        assert torch.equal(value, before[name])


def test_networks_inside_other_networks() -> None:
    joint = build(type='rcn_mmpose.JointEstimator', refiner=DENOISER)
    split = split_upsampling(joint)
    kinds = [type(m).__name__ for m in split.modules()]
    assert kinds.count('SplitRCN') == 2 and 'RCN' not in kinds
    x = torch.randn(2, 1, 40, 40)
    with torch.inference_mode():
        assert close(split._forward(x), joint._forward(x))


def test_other_networks_do_not_change() -> None:
    model = build(
        backbone=dict(type='rcn_mmpose.SumNet', num_branches=3),
        head=dict(HEAD, type='rcn_mmpose.SumNetHead', in_channels=(16, 32, 48)),
    )
    split = split_upsampling(model)
    assert type(split.backbone) is SumNet
    x = torch.randn(2, 1, 40, 40)
    with torch.inference_mode():
        assert torch.equal(split._forward(x), model._forward(x))


def test_bfloat16_is_close_to_float32() -> None:
    rcn = random_weights(RCN(num_branches=4))
    split = split_upsampling(rcn).bfloat16()
    x = torch.randn(2, 1, 40, 40)
    with torch.inference_mode():
        (expected,) = rcn(x)
        (found,) = split(x.bfloat16())
    assert found.dtype == torch.bfloat16
    apart = (found.float() - expected).abs().max() / expected.abs().max()
    assert 0 < apart < 0.03


def test_an_input_size_without_a_pyramid_is_an_error() -> None:
    split = split_upsampling(RCN(num_branches=3))
    with pytest.raises(ValueError, match='no pyramid of 3'):
        split(torch.zeros(1, 1, 16, 18))


# ------------------------------------------------------------- operations


@pytest.mark.parametrize('size', [(8, 6), (5, 5), (10, 5)])
def test_halve(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    assert torch.equal(halve(x), layers.pool(x))


@pytest.mark.parametrize('size', [(4, 6), (5, 8), (2, 3)])
def test_tile(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, 2, 3)
    assert torch.equal(tile(x, size), layers.tile(x, size))
