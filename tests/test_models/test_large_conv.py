from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from mmengine.hooks import EMAHook
from mmengine.model import ExponentialMovingAverage
from torch import Tensor

from rcn_mmpose.models.large_kernels import spectra
from rcn_mmpose.models.large_kernels.large_conv import (
    LargeConv2d,
    OneHotConv2d,
)
from rcn_mmpose.models.one_hot import one_hot_maps

LAYERS = [LargeConv2d, OneHotConv2d]
# (B, I, O, height, width, kernel): more faces than one multiplication takes, more
# channels than one transform takes, odd and even sides, kernels wider than the map,
# and kernels of one cell.
SHAPES = [
    (2, 3, 4, 8, 8, 5),
    (2 * spectra.FACES + 1, 2, 1, 4, 5, 3),
    (1, spectra.CHANNELS + 2, 3, 9, 12, 7),
    (2, 2, 2, 6, 5, 11),
    (1, 1, 2, 7, 6, 1),
]


def make(
    kind: type[LargeConv2d],
    shape: tuple = (2, 3, 4, 8, 9, 5),
    dtype: torch.dtype = torch.float64,
) -> tuple[LargeConv2d, Tensor]:
    """A layer and maps for this layer."""
    torch.manual_seed(0)
    batch, inputs, outputs, height, width, kernel = shape
    layer = kind(inputs, outputs, kernel, (width, height)).to(dtype)
    if kind is OneHotConv2d:
        cells = torch.randint(0, height * width, (batch, inputs))
        # also at the corners
        cells[0, 0], cells[-1, -1] = 0, height * width - 1
        maps = one_hot_maps(cells, (height, width)).to(dtype)
    else:
        maps = torch.randn(batch, inputs, height, width, dtype=dtype)
    return layer, maps


def direct(layer: LargeConv2d, maps: Tensor) -> Tensor:
    """The expected result, by a plain convolution."""
    return F.conv2d(maps, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)


def assert_near(found: Tensor, expected: Tensor, part: float) -> None:
    """Compare with a tolerance relative to the largest value."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    error = (found - expected).abs().max() / expected.abs().max()
    assert error.item() < part


# ------------------------------------------------ equal to a convolution


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('kind', LAYERS)
def test_values_and_gradients(kind: type, shape: tuple) -> None:
    layer, maps = make(kind, shape)
    inputs = [layer.weight, layer.bias]
    if kind is LargeConv2d:
        inputs.append(maps.requires_grad_())
    found, expected = layer(maps), direct(layer, maps)
    assert_near(found, expected, 1e-12)
    slopes = torch.randn_like(expected)
    for ours, right in zip(
        torch.autograd.grad(found, inputs, slopes),
        torch.autograd.grad(expected, inputs, slopes),
        strict=True,
    ):
        assert_near(ours, right, 1e-12)

    layer.eval()
    with torch.no_grad():
        assert_near(layer(maps), expected, 1e-12)
        layer.switch_to_deploy()
        assert_near(layer(maps), expected, 1e-12)


@pytest.mark.parametrize('kind', LAYERS)
def test_single_precision_at_full_size(kind: type) -> None:
    """Maps and kernels of the 2016 release, with fewer channels."""
    layer, maps = make(kind, (1, 6, 4, 80, 80, 45), torch.float32)
    inputs = [layer.weight, layer.bias]
    if kind is LargeConv2d:
        inputs.append(maps.relu_().requires_grad_())
    found, expected = layer(maps), direct(layer, maps)
    assert_near(found, expected, 1e-5)
    slopes = torch.randn_like(expected)
    for ours, right in zip(
        torch.autograd.grad(found, inputs, slopes),
        torch.autograd.grad(expected, inputs, slopes),
        strict=True,
    ):
        assert_near(ours, right, 1e-5)


def test_gradcheck() -> None:
    layer, maps = make(LargeConv2d, (1, 2, 2, 4, 3, 3))

    def convolve(maps: Tensor, weight: Tensor) -> Tensor:
        return spectra.Convolve.apply(maps, weight, layer.convolution)

    places = maps.permute(0, 2, 3, 1).requires_grad_()
    assert torch.autograd.gradcheck(convolve, (places, layer.weight))


@pytest.mark.parametrize('frozen', ['maps', 'weight'])
def test_gradient_for_maps_or_kernels_only(frozen: str) -> None:
    layer, maps = make(LargeConv2d)
    maps.requires_grad_(frozen != 'maps')
    layer.weight.requires_grad_(frozen != 'weight')
    wanted = layer.weight if frozen == 'maps' else maps
    found = torch.autograd.grad(layer(maps).square().sum(), wanted)[0]
    right = torch.autograd.grad(direct(layer, maps).square().sum(), wanted)[0]
    assert_near(found, right, 1e-12)


@pytest.mark.parametrize('together', [False, True])
def test_faces_in_one_block_or_one_by_one(together: bool) -> None:
    """On a GPU the whole batch is transformed at once."""
    layer, maps = make(LargeConv2d, SHAPES[1])
    convolution = copy.copy(layer.convolution)
    convolution.together = together
    places = maps.permute(0, 2, 3, 1)
    found = spectra.Convolve.apply(places, layer.weight, convolution)
    expected = direct(layer, maps) - layer.bias[:, None, None]
    assert_near(found.permute(0, 3, 1, 2), expected, 1e-12)
    slopes = torch.randn_like(expected)
    ours, right = (
        torch.autograd.grad(out, layer.weight, slopes)[0]
        for out in (found.permute(0, 3, 1, 2), expected)
    )
    assert_near(ours, right, 1e-12)


@pytest.mark.parametrize('kind', LAYERS)
@pytest.mark.parametrize('training', [True, False])
def test_autocast_changes_nothing(kind: type, training: bool) -> None:
    layer, maps = make(kind, dtype=torch.float32)
    layer.train(training)
    plain = layer(maps)
    slope = torch.autograd.grad(plain.square().sum(), layer.weight)[0]
    with torch.autocast('cpu', torch.bfloat16):
        # autocast does change a plain convolution
        assert direct(layer, maps).dtype == torch.bfloat16
        found = layer(maps)
        again = torch.autograd.grad(found.square().sum(), layer.weight)[0]
    assert torch.equal(found, plain)
    assert torch.equal(again, slope)


def test_half_precision_weights() -> None:
    layer, maps = make(LargeConv2d, dtype=torch.float32)
    layer.eval().bfloat16()
    with torch.no_grad():
        found = layer(maps.bfloat16())
    expected = direct(layer.float(), maps.bfloat16().float())
    assert found.dtype == torch.bfloat16
    assert_near(found.float(), expected, 1e-2)


# ------------------------------------ transformed weights in evaluation


def swap_for_average(layer: LargeConv2d) -> None:
    """MMEngine swaps the weights before a validation."""
    hook = EMAHook()
    hook.src_model = layer
    hook.ema_model = ExponentialMovingAverage(layer)
    for weight in hook.ema_model.module.parameters():
        weight.data.mul_(1.5)
    hook._swap_ema_parameters()


def load(layer: LargeConv2d) -> None:
    state = layer.state_dict()
    layer.load_state_dict({name: 2 * state[name] for name in state})


def step(layer: LargeConv2d) -> None:
    layer.weight.grad = torch.ones_like(layer.weight)
    torch.optim.SGD([layer.weight], 0.1).step()


def train_again(layer: LargeConv2d) -> None:
    layer.train()
    assert layer.kept is None
    layer.eval()


def replace(layer: LargeConv2d) -> None:
    layer.weight = torch.nn.Parameter(layer.weight.detach() + 1)


@pytest.mark.parametrize(
    'change',
    [
        swap_for_average,
        load,
        step,
        train_again,
        replace,
        lambda layer: layer.weight.data.mul_(2),
        lambda layer: layer.weight.data[0, 0, 0].add_(1),
        lambda layer: layer.weight.data.copy_(layer.weight.data.flip(2, 3)),
        lambda layer: layer.weight.data.copy_(layer.weight.data.flip(0)),
        lambda layer: layer.double(),
        lambda layer: layer.double().float(),
        lambda layer: layer.to(memory_format=torch.channels_last),
    ],
)
@pytest.mark.parametrize('kind', LAYERS)
def test_cached_weights_are_kept_until_weights_change(
    kind: type, change: Callable
) -> None:
    layer, maps = make(kind, dtype=torch.float32)
    layer.eval()
    with torch.no_grad():
        before = layer(maps)
        kept = layer.kept
        assert torch.equal(layer(maps), before)
        assert layer.kept is kept
    change(layer)
    maps = maps.to(layer.weight.dtype)
    with torch.no_grad():
        part = 1e-12 if layer.weight.dtype == torch.float64 else 1e-5
        assert_near(layer(maps), direct(layer, maps), part)


@pytest.mark.parametrize('kind', LAYERS)
def test_cached_weights_are_not_in_checkpoints(kind: type) -> None:
    layer, maps = make(kind)
    layer.eval()
    with torch.no_grad():
        layer(maps)
    assert layer.kept is not None
    assert set(layer.state_dict()) == {'weight', 'bias'}
    other = copy.deepcopy(layer)
    with torch.no_grad():
        assert torch.equal(other(maps), layer(maps))


@pytest.mark.parametrize('kind', LAYERS)
def test_training_caches_nothing(kind: type) -> None:
    layer, maps = make(kind)
    layer(maps).sum().backward()
    with torch.no_grad():
        layer(maps)
    assert layer.kept is None


def test_gradients_in_evaluation() -> None:
    layer, maps = make(LargeConv2d)
    layer.eval()
    with torch.no_grad():
        layer(maps)
    layer(maps).square().sum().backward()
    right = torch.autograd.grad(direct(layer, maps).square().sum(), layer.weight)[0]
    assert_near(layer.weight.grad, right, 1e-12)


# -------------------------------------------------- reused memory


def test_results_are_not_overwritten() -> None:
    """Two forward passes, then both backward; the weights change in between."""
    layer, maps = make(LargeConv2d)
    maps.requires_grad_()
    found, expected = [], []
    for factor in (1, 3):
        found.append(layer(maps * factor))
        expected.append(direct(layer, maps * factor))
    for ours, right in zip(found, expected, strict=True):
        assert_near(ours, right, 1e-12)
    wanted = (maps, layer.weight)
    slopes = [torch.autograd.grad(out.square().sum(), wanted) for out in found]
    for ours, out in zip(slopes, expected, strict=True):
        right = torch.autograd.grad(out.square().sum(), wanted)
        for a, b in zip(ours, right, strict=True):
            assert_near(a, b, 1e-12)


@torch.no_grad()
def test_threads_do_not_disturb_each_other() -> None:
    layer, maps = make(LargeConv2d, (4, 3, 4, 8, 9, 5))
    layer.eval()
    layer(maps)
    inputs = [maps * factor for factor in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: layer(x), inputs * 10))
    for x, out in zip(inputs * 10, found, strict=True):
        assert_near(out, direct(layer, x), 1e-12)


def test_training_after_inference_mode() -> None:
    layer, maps = make(LargeConv2d)
    layer.eval()
    with torch.inference_mode():
        before = layer(maps)
    with torch.no_grad():
        assert torch.equal(layer(maps), before)
    layer.train()
    layer(maps).sum().backward()
    assert layer.weight.grad.abs().sum() > 0


# ------------------------------------------------------------- bad input


@pytest.mark.parametrize('kind', LAYERS)
def test_wrong_maps(kind: type) -> None:
    layer, maps = make(kind)
    for wrong in (maps[:, :2], maps[..., :-1], maps.mT):
        with pytest.raises(ValueError, match=r'takes \(B, 3, 8, 9\)'):
            layer(wrong)
    with pytest.raises(ValueError, match='kernel_size=4'):
        kind(1, 1, 4, (8, 8))


def test_maps_that_are_not_one_hot() -> None:
    layer, maps = make(OneHotConv2d)
    maps[1, 2] = 0
    with pytest.raises(ValueError, match='1 of 6 maps are not one-hot'):
        layer(maps)


def test_blocks_limit_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No block of channels or faces exceeds its limit."""
    seen = []

    def watch(maps: Tensor, *axes: object) -> tuple:
        seen.append(maps.shape[2])
        return to_frequency(maps, *axes)

    to_frequency = spectra.to_frequency
    monkeypatch.setattr(spectra, 'to_frequency', watch)
    inputs, outputs = 3 * spectra.CHANNELS, 5
    layer, maps = make(LargeConv2d, (2 * spectra.FACES, inputs, outputs, 4, 4, 3))
    with torch.no_grad():
        layer(maps)
    assert seen[:3] == [spectra.CHANNELS * outputs] * 3
    assert seen[3:] == [inputs] * 2 * spectra.FACES
