from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rcn_mmpose.image.lcn import _blur_matrix, local_contrast_normalize


def kernel() -> np.ndarray:
    """Return the 9x9 Gaussian."""
    g = np.array(
        [
            [math.exp(-(i * i + j * j) / (2 * 1.591**2)) for j in range(-4, 5)]
            for i in range(-4, 5)
        ]
    )
    return g / g.sum()


def blur(x: np.ndarray) -> np.ndarray:
    """Convolve (H, W) with the kernel; the image is padded with zeros."""
    height, width = x.shape
    out = np.zeros_like(x)
    padded = np.pad(x, 4)
    for i, row in enumerate(kernel()):
        for j, weight in enumerate(row):
            out += weight * padded[i : i + height, j : j + width]
    return out


def reference(batch: np.ndarray, floor: str = 'image') -> np.ndarray:
    """LCN of the 2016 release (section 1.8) in double precision; (B, H, W)."""
    v = np.stack([x - blur(x) for x in batch.astype(np.float64)])
    s = np.stack([np.sqrt(blur(x * x)) for x in v])
    mean = [x.mean() for x in s] if floor == 'image' else [s.mean()] * len(s)
    ratio = [a / np.maximum(b, m) for a, b, m in zip(v, s, mean, strict=True)]
    return (np.stack(ratio) + 2.5) / 5


def images(*contrasts: float, size: tuple[int, int] = (21, 30)) -> Tensor:
    """Return noise around grey with these contrasts, (B, 1, H, W) uint8."""
    rng = np.random.default_rng(1)
    noise = rng.uniform(-1, 1, (len(contrasts), 1, *size))
    scale = np.array(contrasts).reshape(-1, 1, 1, 1)
    return torch.from_numpy((128 + scale * noise).round().astype(np.uint8))


@pytest.mark.parametrize('floor', ['image', 'batch'])
def test_brute_force(floor: str) -> None:
    x = images(3, 50, 127)
    out = local_contrast_normalize(x, floor)
    assert out.shape == x.shape
    assert out.dtype == torch.float32
    np.testing.assert_allclose(out[:, 0], reference(x[:, 0].numpy(), floor), atol=1e-4)


def test_the_mean_bounds_the_gain_in_flat_regions() -> None:
    x = images(100)
    x[..., 15:] = torch.where(x[..., 15:] > 128, 129, 128).to(torch.uint8)
    flat = local_contrast_normalize(x)[..., 20:26].numpy()
    # without the floor, v / s would be of the order of 1
    assert abs(flat[:, :, 5:-5] - 0.5).max() < 0.01
    np.testing.assert_allclose(
        flat[:, 0], reference(x[:, 0].numpy())[..., 20:26], atol=1e-5
    )


def test_window_of_nine_by_nine() -> None:
    """v = x - G * x: a dot reaches four pixels."""
    x = torch.zeros(1, 1, 41, 41)
    x[..., 20, 20] = 255
    v = local_contrast_normalize(x)[0, 0] - 0.5
    for indices in torch.nonzero(v, as_tuple=True):
        assert (indices.min(), indices.max()) == (16, 24)


def test_double_precision() -> None:
    x = images(20, 90).double()
    out = local_contrast_normalize(x)
    assert out.dtype == torch.float64
    np.testing.assert_allclose(out[:, 0], reference(x[:, 0].numpy()), 1e-12)


@pytest.mark.parametrize('grey', [0, 1, 128, 255])
def test_constant_images(grey: int) -> None:
    x = torch.full((1, 1, 40, 40), grey, dtype=torch.uint8)
    out = local_contrast_normalize(x)
    assert out.isfinite().all()
    # far from the border there is no contrast
    assert (out[..., 12:-12, 12:-12] - 0.5).abs().max() < 1e-5
    if grey == 0:
        assert (out == 0.5).all()


def test_images_are_independent() -> None:
    x = images(2, 120, 40)
    together = local_contrast_normalize(x)
    for i in range(3):
        alone = local_contrast_normalize(x[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-6)


def test_batch_floor_depends_on_the_batch() -> None:
    x = images(2, 120)
    together = local_contrast_normalize(x, 'batch')
    alone = local_contrast_normalize(x[:1], 'batch')
    # the high contrast of one image flattens the other
    inner = (..., slice(9, 12), slice(9, -9))
    ratio = together[0][inner].std() / alone[0][inner].std()
    assert ratio < 0.8


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    x = images(60)
    plain = local_contrast_normalize(x)
    with torch.autocast('cpu', dtype):
        cast = local_contrast_normalize(x)
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


@pytest.mark.parametrize('floor', ['image', 'batch'])
def test_gradient(floor: str) -> None:
    x = images(60, 30, size=(7, 6)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: local_contrast_normalize(t, floor), x)


def test_gradient_is_finite_with_an_occlusion() -> None:
    x = images(60, size=(40, 40)).float()
    x[..., :30, :30] = 0
    x.requires_grad_()
    local_contrast_normalize(x).square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().max() > 0


@pytest.mark.parametrize('shape', [(2, 3, 8, 8), (2, 8, 8), (8, 8)])
def test_wrong_shape(shape: tuple) -> None:
    with pytest.raises(ValueError, match='LoadGreyImage') as error:
        local_contrast_normalize(torch.zeros(shape))
    assert str(shape) in str(error.value)


def test_unknown_floor() -> None:
    with pytest.raises(ValueError, match=r"'channel'.*'image', 'batch'"):
        local_contrast_normalize(torch.zeros(1, 1, 8, 8), 'channel')


@pytest.mark.parametrize(('size', 'sides'), [((8, 8), [8]), ((8, 9), [8, 9])])
def test_each_matrix_is_made_once(
    monkeypatch: pytest.MonkeyPatch, size: tuple, sides: list
) -> None:
    made = []

    def counted(side: int, like: Tensor) -> Tensor:
        made.append(side)
        return _blur_matrix(side, like)

    monkeypatch.setattr('rcn_mmpose.image.lcn._blur_matrix', counted)
    local_contrast_normalize(torch.zeros(3, 1, *size))
    assert made == sides


def test_an_exported_graph_computes_the_same() -> None:
    class Network(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return local_contrast_normalize(x)

    x = images(3, 50, 127)
    exported = torch.export.export(Network(), (x[:2],))
    assert torch.equal(exported.module()(x[1:]), local_contrast_normalize(x[1:]))
