"""Plain implementations of the networks' parts, for comparison."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_layers(module: nn.Module) -> list[nn.Conv2d]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d)]


def shapes(module: nn.Module) -> list[tuple]:
    """(in, out, kernel) of each convolution."""
    return [
        (c.in_channels, c.out_channels, c.kernel_size[0]) for c in conv_layers(module)
    ]


def count(*modules: nn.Module) -> int:
    """Return the number of weights."""
    return sum(p.numel() for m in modules for p in m.parameters())


def randomize(model: nn.Module, seed: int = 0) -> None:
    """Draw random weights and biases."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        scale = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 1
        parameter.data.normal_(0, scale, generator=generator)


def halve(x: Tensor) -> Tensor:
    """Max-pooling of 2x2, or 3x3 from 5 cells."""
    for dim in (2, 3):
        k = 3 if x.shape[dim] == 5 else 2
        x = x.unfold(dim, k, 2).amax(-1)
    return x


def enlarge(x: Tensor, size: torch.Size) -> Tensor:
    """Repeat cells up to the next level of the pyramid."""
    for dim in (2, 3):
        k = 3 if size[dim] == 5 else 2
        x = x.repeat_interleave(k, dim).narrow(dim, 0, size[dim])
    return x


def apply(x: Tensor, layers: list[nn.Conv2d]) -> Tensor:
    """Convolutions, each followed by a ReLU."""
    for layer in layers:
        padding = layer.kernel_size[0] // 2
        x = F.conv2d(x, layer.weight, layer.bias, 1, padding).clamp_min(0)
    return x
