"""Layers with large kernels: on any maps, and on one-hot maps."""

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

    Parameters, initialisation and, but for rounding, results are those of
    ``Conv2d`` with ``padding=kernel_size // 2``; computed in float32, under
    autocast too.

    What a forward pass needs of the weights is kept in evaluation, as a
    buffer that no checkpoint holds, and made anew when they have changed.

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
        self.convolution = Convolution(*self.input_size[::-1], kernel_size)
        self.deployed = False
        self.register_buffer('kept', None, persistent=False)
        self._kept_of: tuple[float, float] | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, I, H, W) to (B, O, H, W)."""
        expected = (self.in_channels, *self.input_size[::-1])
        if maps.shape[1:] != expected:
            raise ValueError(
                f'maps of shape {tuple(maps.shape)}; this layer takes (B, '
                f'{", ".join(map(str, expected))}). Set in_channels and '
                'input_size to those of the maps.'
            )
        if self.deployed:  # an exporter stumbles over the context
            return self._convolved(maps)
        with torch.autocast(maps.device.type, enabled=False):
            return self._convolved(maps)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Fix the weights: from here on matrix products alone, for export."""
        with torch.no_grad():
            self.kept = self.convolution.kernel_spectra(self._weight())
        self.deployed = True

    def train(self, mode: bool = True) -> LargeConv2d:
        """Set the mode; training has no use for what was kept."""
        if mode and not self.deployed:
            self.kept = None
        return super().train(mode)

    def _convolved(self, maps: Tensor) -> Tensor:
        """Convolve maps in the right precision and order."""
        self.convolution.together = self.deployed or not maps.is_cpu
        weight = self._weight()
        out = self._convolve(maps.to(weight.dtype), weight)
        out = out + self.bias.to(weight.dtype)
        return out.permute(0, 3, 1, 2).to(maps.dtype)

    def _weight(self) -> Tensor:
        """Return the kernels in float32, or better if they are."""
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        return self.weight.to(dtype)

    def _convolve(self, maps: Tensor, weight: Tensor) -> Tensor:
        """Convolve maps (B, I, H, W) to (B, H, W, O), without bias."""
        places = maps.permute(0, 2, 3, 1)
        if not self.deployed and _needs_gradient(places, weight):
            return Convolve.apply(places, weight, self.convolution)
        return self.convolution(places, self._prepared(weight))

    def _prepare(self, weight: Tensor) -> Tensor:
        """Compute what a forward pass needs."""
        return self.convolution.kernel_spectra(weight)

    def _prepared(self, weight: Tensor) -> Tensor:
        """Return what a forward pass needs, kept in evaluation."""
        if self.deployed:
            return self.kept
        if self.training:
            return self._prepare(weight)
        # Weights also change where PyTorch does not count it, as in
        # MMEngine's swaps for moving averages. The second sum tells their
        # order in memory.
        inner = weight
        if not weight.is_contiguous():
            inner = weight.permute(0, 2, 3, 1)
        flat = inner.flatten()
        marks = (flat.sum().item(), torch.dot(flat[:-1], flat[1:]).item())
        kept = self.kept
        if (
            kept is None
            or (kept.dtype, kept.device) != (weight.dtype, weight.device)
            or self._kept_of != marks
        ):
            self.kept, self._kept_of = self._prepare(weight), marks
        return self.kept


class OneHotConv2d(LargeConv2d):
    """The same layer on one-hot maps: it sums shifted kernels.

    A 1 at some cell makes the result the kernel, turned about its centre and
    moved there, so a map costs k * k sums a channel however large it is.
    There is no gradient for the maps.

    Raises:
        ValueError: If a map is not one-hot.
    """

    def _convolve(self, maps: Tensor, weight: Tensor) -> Tensor:
        """Sum the kernels of (B, I, H, W), giving (B, H, W, O)."""
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
        """Turn the kernels and put the channels last: (I * k, k, O)."""
        turned = weight.permute(1, 2, 3, 0).flip(1, 2)
        return turned.contiguous().flatten(0, 1)


class SumKernels(Function):
    """Sums of kernels at their places, on canvases wide enough for all."""

    @staticmethod
    def forward(
        ctx: Any, kernels: Tensor, corners: list, size: tuple[int, int]
    ) -> Tensor:
        """Add up kernels.

        Args:
            ctx (Any): What the way back needs.
            kernels (Tensor): Of shape (I * k, k, O).
            corners (list): For each face and each of I kernels the row and
                column of its first cell.
            size (tuple): Height and width within which corners lie.

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
        """Add up what lies where the kernels were."""
        out = grad.new_zeros(ctx.shape)
        side = ctx.shape[1]
        for canvas, places in zip(grad, ctx.corners, strict=True):
            for kernel, (i, j) in zip(out.split(side), places, strict=True):
                kernel += canvas[i : i + side, j : j + side]
        return out, None, None


def _needs_gradient(*tensors: Tensor) -> bool:
    """Whether a gradient will be asked for."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
