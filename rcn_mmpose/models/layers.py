"""Layers that all networks share: convolutions, pooling and tiling of maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor

Layer = tuple[int, int]  # (output channels, kernel size)


def convs(in_channels: int, layers: Iterable[Layer]) -> nn.Sequential:
    """Build convolutions that keep the size of a map, each followed by a ReLU.

    Raises:
        ValueError: If a kernel is even: it would change the size.
    """
    stack = []
    for channels, kernel in layers:
        if kernel % 2 == 0:
            raise ValueError(
                f'a layer of {channels} channels has a kernel of {kernel}; '
                'only odd kernels keep the size of a map.'
            )
        stack.append(ConvModule(in_channels, channels, kernel, padding=kernel // 2))
        in_channels = channels
    return nn.Sequential(*stack)


def pyramid(size: int, num_levels: int) -> list[int]:
    """Return the sides of the maps of all levels, finest first.

    Args:
        size (int): Height or width of the input in pixels.
        num_levels (int): Number of levels.

    Raises:
        ValueError: If ``size`` has no consistent pyramid.
    """
    sides = _halve(size, num_levels)
    if len(sides) < num_levels:
        reach = 2 ** (num_levels - 1)
        near = [
            n
            for n in range(max(1, size - reach), size + reach + 1)
            if len(_halve(n, num_levels)) == num_levels
        ]
        near.sort(key=lambda n: abs(n - size))
        raise ValueError(
            f'an input side of {size} px has no pyramid of {num_levels} '
            f'levels: {" -> ".join(map(str, sides))} cannot be halved '
            '(only even sides can, and 5 -> 2). Use '
            f'{" or ".join(map(str, near[:2]))} px, or fewer branches.'
        )
    return sides


def _halve(size: int, num_levels: int) -> list[int]:
    """Halve a side while possible, at most ``num_levels - 1`` times."""
    sides = [size]
    while len(sides) < num_levels and (
        sides[-1] == 5 or (sides[-1] > 0 and sides[-1] % 2 == 0)
    ):
        sides.append(sides[-1] // 2)
    return sides


def pool(x: Tensor) -> Tensor:
    """Max-pool to the next level: 2x2, or 3x3 along a side of 5."""
    kernel = [3 if side % 2 else 2 for side in x.shape[-2:]]
    return F.max_pool2d(x, kernel, stride=2)


def tile(x: Tensor, size: Sequence[int]) -> Tensor:
    r"""Upsample maps by repeating cells (paper, footnote 3) up to ``size``.

    Cells are repeated and the surplus is cropped: 5 to 10 repeats twice; 2 to
    5 repeats three times and drops one.

    Args:
        x (Tensor): Maps of shape (B, C, h, w).
        size (Sequence[int]): Height and width of the result.

    Returns:
        Tensor: Maps of shape (B, C, \*size).

    Raises:
        ValueError: If ``size`` is smaller than the maps.
    """
    height, width = size
    if height < x.shape[-2] or width < x.shape[-1]:
        raise ValueError(
            f'maps of {x.shape[-2]}x{x.shape[-1]} cells (height x width) '
            f'cannot be tiled to {height}x{width}; give the levels of a '
            'pyramid from the finest to the coarsest.'
        )
    # -(-a // b) rounds up
    factor = (-(-height // x.shape[-2]), -(-width // x.shape[-1]))
    up = F.interpolate(
        x,
        size=(x.shape[-2] * factor[0], x.shape[-1] * factor[1]),
        mode='nearest',
    )
    return up[..., :height, :width]
