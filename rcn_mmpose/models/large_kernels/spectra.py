"""Convolutions as products of spectra: exact, and fast for large kernels.

``conv2d`` needs k * k products a cell, a product of spectra three or four.
The frequencies are the first dimension, so that one batched matrix product
computes all frequencies. For each frequency, with B faces and I and O
channels::

    | Xr -Xi |     | Wr |     | Yr |
    | Xi  Xr |  x  | Wi |  =  | Yi |
     2B x 2I      2I x O      2B x O
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .real_dft import Scratch, real_dft, to_frequency, to_space

# Number of input channels whose kernels are transformed together, and of faces
# that are multiplied together; both limit the memory.
CHANNELS = 8
FACES = 8
SCRATCH = Scratch()


class Convolution:
    """A convolution that keeps the size of its maps, and its derivatives.

    Spectra have the shape (frequencies, 2n, m) with the n real parts first.

    Args:
        height (int): Height of the maps.
        width (int): Width of the maps.
        kernel_size (int): Odd side of the kernels.
        together (bool): Whether all faces of a batch are transformed in one
            product. On a CPU one face at a time is faster, because it fits
            the cache. Defaults to False.
    """

    def __init__(
        self,
        height: int,
        width: int,
        kernel_size: int,
        together: bool = False,
    ) -> None:
        reach = kernel_size // 2
        # The transform is periodic. With this period, values that a kernel
        # carries beyond one end of the map come in again just behind the
        # other end.
        periods = [n + reach + (n + reach) % 2 for n in (height, width)]
        self.maps_axes = [
            real_dft(range(side), period)
            for side, period in zip((height, width), periods, strict=True)
        ]
        # conv2d is a correlation: its kernel runs in the other direction
        places = range(reach, -reach - 1, -1)
        self.kernel_axes = [real_dft(places, period) for period in periods]
        self.grid = (2, *(period // 2 + 1 for period in periods))
        self.together = together

    def kernel_spectra(self, weight: Tensor, keep: bool = True) -> Tensor:
        """Transform kernels.

        Args:
            weight (Tensor): Kernels (O, I, k, k).
            keep (bool): Whether the result must stay valid after the next
                call.

        Returns:
            Tensor: Spectra of shape (frequencies, 2I, O).
        """
        channels, inputs = weight.shape[:2]
        places = weight.permute(2, 3, 1, 0)
        shape = (*self.grid, 2, inputs, channels)
        if keep:
            out = weight.new_empty(shape)
        else:
            out = self._memory('spectra', weight, *shape)
        for i in range(0, inputs, CHANNELS):
            block = slice(i, i + CHANNELS)
            kernels = places[:, :, block].flatten(2)
            parts = to_frequency(kernels, *self.kernel_axes)
            for j, part in enumerate(parts):
                out[:, :, :, j, block] = part.unflatten(-1, (-1, channels))
        return out.view(-1, 2 * inputs, channels)

    def kernels(self, spectra: Tensor) -> Tensor:
        """Transform (frequencies, 2I, O) back to kernels (O, I, k, k)."""
        parts = spectra.view(*self.grid, 2, -1, spectra.shape[-1])
        blocks = [
            to_space(*block.flatten(4).unbind(3), *self.kernel_axes)
            for block in parts.split(CHANNELS, dim=4)
        ]
        places = torch.cat(blocks, dim=-1).unflatten(-1, parts.shape[4:])
        return places.permute(3, 2, 0, 1)

    def map_spectra(self, maps: Tensor, twofold: bool) -> Tensor:
        """Transform maps (B, H, W, C).

        Args:
            maps (Tensor): The maps.
            twofold (bool): Whether the result is the left factor of a
                product, with the columns twice.

        Returns:
            Tensor: Spectra of shape (frequencies, 2B, C), or with ``twofold``
            (frequencies, 2B, 2C).
        """
        count, _, _, channels = maps.shape
        copies = 1 + twofold
        out = self._memory(
            'left' if twofold else 'right',
            maps,
            *(*self.grid, 2, count, copies, channels),
        )
        for some, place in self._groups(maps, out):
            block = some.permute(1, 2, 0, 3).flatten(2)
            real, imaginary = (
                part.unflatten(-1, (-1, channels))
                for part in to_frequency(block, *self.maps_axes)
            )
            place[:, :, :, 0, :, 0] = real
            place[:, :, :, 1, :, 0] = imaginary
            if twofold:
                place[:, :, :, 0, :, 1] = -imaginary
                place[:, :, :, 1, :, 1] = real
        return out.view(-1, 2 * count, copies * channels)

    def maps(self, spectra: Tensor, out: Tensor) -> None:
        """Transform (frequencies, 2B, C) back to maps (B, H, W, C)."""
        channels = spectra.shape[-1]
        parts = spectra.view(*self.grid, 2, -1, channels)
        for place, some in self._groups(out, parts):
            block = to_space(*some.flatten(4).unbind(3), *self.maps_axes)
            block = block.unflatten(-1, (-1, channels))
            place.copy_(block.permute(2, 0, 1, 3))

    def __call__(self, maps: Tensor, spectra: Tensor) -> Tensor:
        """Convolve maps (B, H, W, I) with kernels of known spectra.

        Returns:
            Tensor: Maps of shape (B, H, W, O).
        """
        out = maps.new_empty(*maps.shape[:3], spectra.shape[2])
        for block, place in self._blocks(maps, out):
            left = self.map_spectra(block, twofold=True)
            self.maps(self._product('product', left, spectra), place)
        return out

    def gradients(
        self,
        maps: Tensor,
        weight: Tensor,
        slopes: Tensor,
        for_maps: bool,
        for_weight: bool,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Compute the gradients for maps and kernels.

        Args:
            maps (Tensor): Maps of shape (B, H, W, I).
            weight (Tensor): Kernels of shape (O, I, k, k).
            slopes (Tensor): Gradient of the result, (B, H, W, O).
            for_maps (bool): Whether the gradient for the maps is needed.
            for_weight (bool): Whether the gradient for the kernels is needed.

        Returns:
            tuple[Tensor | None, Tensor | None]: Gradients for the maps and
            the kernels; None for a gradient that is not needed.
        """
        out = torch.empty_like(maps) if for_maps else None
        if for_maps:
            spectra = self.kernel_spectra(weight, keep=False)
        changes = None
        for block, slope, place in self._blocks(
            maps, slopes, maps if out is None else out
        ):
            right = self.map_spectra(slope, twofold=False)
            if for_maps:
                self._back_to_maps(right, spectra, place)
            if for_weight:
                left = self.map_spectra(block, twofold=True).mT
                if changes is None:
                    changes = self._product('changes', left, right)
                else:
                    changes.baddbmm_(left, right)
        return out, None if changes is None else self.kernels(changes)

    def _back_to_maps(self, slopes: Tensor, spectra: Tensor, out: Tensor) -> None:
        """Multiply by the conjugate spectra of the kernels, giving maps."""
        # (Gr + i Gi) (Wr - i Wi), all four products at once
        four = self._product('four', slopes, spectra.mT)
        four = four.unflatten(2, (2, -1)).unflatten(1, (2, -1))
        (rr, ri), (ir, ii) = (half.unbind(2) for half in four.unbind(1))
        sums = self._memory('product', four, len(four), 2, *rr.shape[1:])
        torch.add(rr, ii, out=sums[:, 0])
        torch.sub(ir, ri, out=sums[:, 1])
        self.maps(sums.flatten(1, 2), out)

    def _product(self, name: str, left: Tensor, right: Tensor) -> Tensor:
        """Multiply two matrices for each frequency."""
        if self.together:
            return torch.bmm(left, right)
        shape = (*left.shape[:2], right.shape[2])
        return torch.bmm(left, right, out=self._memory(name, left, *shape))

    def _memory(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return memory for an intermediate result."""
        if self.together:
            return like.new_empty(shape)
        return SCRATCH(name, like, *shape)

    def _blocks(self, *maps: Tensor) -> list:
        """Divide a batch into the faces that are multiplied together."""
        if self.together:
            return [maps]
        return list(zip(*(x.split(FACES) for x in maps), strict=True))

    def _groups(self, maps: Tensor, spectra: Tensor) -> list:
        """Pair the faces transformed together (dim 0) with spectra (dim 4)."""
        if self.together:
            return [(maps, spectra)]
        return list(zip(maps.split(1), spectra.split(1, dim=4), strict=True))


class Convolve(Function):
    """A convolution whose gradients are products of spectra as well.

    Only maps and kernels are saved for the backward pass. The spectra are
    several times as large, so the backward pass computes them again.
    """

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, convolution: Convolution
    ) -> Tensor:
        """Convolve maps (B, H, W, I) with kernels (O, I, k, k)."""
        ctx.save_for_backward(maps, weight)
        ctx.convolution = convolution
        spectra = convolution.kernel_spectra(weight, keep=False)
        return convolution(maps, spectra)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients for maps and kernels."""
        with torch.autocast(grad.device.type, enabled=False):
            gradients = ctx.convolution.gradients(
                *ctx.saved_tensors, grad, *ctx.needs_input_grad[:2]
            )
        return *gradients, None
