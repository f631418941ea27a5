"""Convolution layers with large kernels, for any maps and for one-hot maps."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from ..one_hot import one_hot_cells
from .spectra import Convolution, Convolve


class LargeConv2d(nn.Conv2d):
    """A ``Conv2d`` that keeps the size of its maps, by products of spectra.

    Parameters, initialisation and (except for rounding) results equal those
    of ``Conv2d`` with ``padding=kernel_size // 2``.
    They are computed in float32, under autocast too.

    In evaluation the prepared weights (for this class the spectra of the
    kernels) are cached in a buffer, which is not part of a checkpoint. They
    are computed again when the weights have changed.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        kernel_size (int): Odd side of the kernels.
        input_size (tuple): Width and height of the maps.

    Raises:
        ValueError: If the kernels are even, or (in ``forward``) if the maps
            have another shape.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        input_size: tuple[int, int],
    ) -> None:
        if kernel_size % 2 == 0:
            raise ValueError(
                f'kernel_size={kernel_size} would shift the maps; use an odd one.'
            )
        super().__init__(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2
        )
        self.input_size = tuple(input_size)
        width, height = input_size
        self.convolution = Convolution(height, width, kernel_size)
        self.deployed = False
        self.kept: Tensor | None
        self.register_buffer('kept', None, persistent=False)
        self._kept_of: tuple[float, float] | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, I, H, W) to (B, O, H, W)."""
        expected = (self.in_channels, *self.input_size[::-1])
        if maps.shape[1:] != expected:
            raise ValueError(
                f'maps of shape {tuple(maps.shape)}; this layer takes (B, '
                f'{", ".join(map(str, expected))}). Set in_channels and '
                'input_size to the shape of the maps.'
            )
        if self.deployed:  # the autocast context cannot be exported
            return self._convolved(maps)
        with torch.autocast(maps.device.type, enabled=False):
            return self._convolved(maps)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Fix the weights and use matrix products only, for export."""
        with torch.no_grad():
            self.kept = self.convolution.kernel_spectra(self._weight())
        self.deployed = True

    def train(self, mode: bool = True) -> LargeConv2d:
        """Set the mode; training drops the cached weights."""
        if mode and not self.deployed:
            self.kept = None
        return super().train(mode)

    def _convolved(self, maps: Tensor) -> Tensor:
        """Convolve maps in float32 and return them in their own layout and type."""
        self.convolution.together = self.deployed or not maps.is_cpu
        weight = self._weight()
        out = self._convolve(maps.to(weight.dtype), weight)
        assert self.bias is not None  # the constructor has no bias option
        out = out + self.bias.to(weight.dtype)
        return out.permute(0, 3, 1, 2).to(maps.dtype)

    def _weight(self) -> Tensor:
        """Return the kernels in float32, or in float64 if they are float64."""
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        return self.weight.to(dtype)

    def _convolve(self, maps: Tensor, weight: Tensor) -> Tensor:
        """Convolve maps (B, I, H, W) to (B, H, W, O), without bias."""
        places = maps.permute(0, 2, 3, 1)
        if not self.deployed and _needs_gradient(places, weight):
            return Convolve.apply(places, weight, self.convolution)
        return self.convolution(places, self._prepared(weight))

    def _prepare(self, weight: Tensor) -> Tensor:
        """Prepare the weights for a forward pass."""
        return self.convolution.kernel_spectra(weight)

    def _prepared(self, weight: Tensor) -> Tensor:
        """Return the prepared weights, from the cache in evaluation."""
        kept = self.kept
        if self.deployed and kept is not None:
            return kept
        if self.training:
            return self._prepare(weight)
        # Two sums detect changed weights: PyTorch's version counter misses
        # some changes, such as MMEngine's swaps for moving averages. The
        # second sum depends on the order of the weights in memory.
        inner = weight
        if not weight.is_contiguous():
            inner = weight.permute(0, 2, 3, 1)
        flat = inner.flatten()
        marks = (flat.sum().item(), torch.dot(flat[:-1], flat[1:]).item())
        if (
            kept is None
            or (kept.dtype, kept.device) != (weight.dtype, weight.device)
            or self._kept_of != marks
        ):
            kept = self._prepare(weight)
            self.kept, self._kept_of = kept, marks
        return kept


class OneHotConv2d(LargeConv2d):
    """A large convolution of one-hot maps: a sum of shifted kernels.

    The convolution of a map with one 1 is the kernel, rotated by 180 degrees
    about its centre and moved to the cell of the 1. A map therefore costs
    k * k additions a channel, for any size of the map. The maps get no
    gradient.

    Raises:
        ValueError: If a map is not one-hot.
    """

    def _convolve(self, maps: Tensor, weight: Tensor) -> Tensor:
        """Sum the kernels for maps (B, I, H, W), giving (B, H, W, O)."""
        if self.deployed:
            return super()._convolve(maps, weight)
        width, height = self.input_size
        cells = one_hot_cells(maps)
        corners = torch.stack((cells // width, cells % width), -1).tolist()
        if _needs_gradient(weight):
            kernels = self._prepare(weight)
        else:
            kernels = self._prepared(weight)
        canvas = SumKernels.apply(kernels, corners, (height, width))
        reach = self.kernel_size[0] // 2
        return canvas[:, reach : reach + height, reach : reach + width]

    def _prepare(self, weight: Tensor) -> Tensor:
        """Rotate the kernels and put the channels last: (I * k, k, O)."""
        turned = weight.permute(1, 2, 3, 0).flip(1, 2)
        return turned.contiguous().flatten(0, 1)


class SumKernels(Function):
    """Sums of kernels at their places, on a canvas that contains all of them."""

    @staticmethod
    def forward(
        ctx: Any, kernels: Tensor, corners: list, size: tuple[int, int]
    ) -> Tensor:
        """Add up kernels.

        Args:
            ctx (Any): Context of the backward pass.
            kernels (Tensor): Kernels of shape (I * k, k, O).
            corners (list): For each face and each of I kernels the row and
                column of its first cell.
            size (tuple): Height and width of the area of the corners.

        Returns:
            Tensor: Canvases of shape (B, H + k - 1, W + k - 1, O).
        """
        side = kernels.shape[1]
        ctx.corners, ctx.shape = corners, kernels.shape
        height, width = (n + side - 1 for n in size)
        out = kernels.new_zeros(len(corners), height, width, kernels.shape[2])
        for canvas, places in zip(out, corners, strict=True):
            for kernel, (i, j) in zip(kernels.split(side), places, strict=True):
                canvas[i : i + side, j : j + side] += kernel
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple:
        """Add up the gradients at the places of each kernel."""
        out = grad.new_zeros(ctx.shape)
        side = ctx.shape[1]
        for canvas, places in zip(grad, ctx.corners, strict=True):
            for kernel, (i, j) in zip(out.split(side), places, strict=True):
                kernel += canvas[i : i + side, j : j + side]
        return out, None, None


def _needs_gradient(*tensors: Tensor) -> bool:
    """Return whether a gradient is needed."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
