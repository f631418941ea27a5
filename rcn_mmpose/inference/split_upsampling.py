"""Split upsampling: the same network with fewer multiplications, for prediction.

A branch of an RCN convolves its level of the pyramid together with the tiled
result of the coarser branch (paper, eq. 3). Every cell of the coarser result
occurs four times in the tiled map, so most products are computed several times.
A convolution is linear in its input channels. Split by the channels, its coarse
part can be computed on the small map::

    conv([fine, tile(coarse)]) = conv_f(fine) + conv_c(tile(coarse))

The coarse part takes 4/9 of the multiplications for a 3x3 kernel and 9/25 for
a 5x5 kernel: a tiled map meets the kernel in one of four phases, and in each
phase several weights of the kernel meet the same cell of the small map. Their
sums (:func:`phase_weights`) are convolved with the small map, one result per
phase (:func:`conv_of_tiled`). This is exact, up to the rounding of sums.

On a CPU, bias, sum and ReLU run inside the convolution of the fine part, in
place, if PyTorch has oneDNN's fused operators. Pooling is three maxima. Four other
changes were measured on a CPU and gained nothing: a transposed convolution instead
of the four kernels; 1x1 convolutions and the first convolution as matrix products;
packed weights; pooling before bias and ReLU (bias and ReLU cost nothing already,
and the branch needs their result).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..models.backbones.rcn import RCN
from ..models.layers import pool, pyramid


def split_upsampling(model: nn.Module) -> nn.Module:
    """Return a copy of a model in which every RCN is a :class:`SplitRCN`.

    Args:
        model (nn.Module): An ``rcn_mmpose.RCN``, or a model that contains
            one or more (also as the backbone of a denoiser).

    Returns:
        nn.Module: The copy, for prediction only.
    """
    model = deepcopy(model)
    if type(model) is RCN:
        return SplitRCN(model).eval()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is RCN:
                setattr(module, name, SplitRCN(child))
    return model.eval()


class SplitRCN(nn.Module):
    """An RCN for prediction with the same output as the original.

    Skip connections work as in the original. If a level is not twice the size
    of the next level (5 above 2), the branch convolves the tiled map.

    Args:
        rcn (RCN): The original; its weights are copied.
    """

    def __init__(self, rcn: RCN) -> None:
        super().__init__()
        self.in_channels = rcn.in_channels
        self.out_channels = rcn.out_channels
        self.skip = rcn.skip
        trunk = [
            FusedConv(layer.conv)
            for stage in _list(rcn.trunk)
            for layer in _list(stage)
        ]
        self.trunk = nn.ModuleList(trunk)
        self.branches = nn.ModuleList()
        for conv, branch in zip(trunk, _list(rcn.branches), strict=True):
            layers = [layer.conv for layer in _list(branch)]
            stack: list[nn.Module] = [FusedConv(layer) for layer in layers[1:]]
            if layers:
                stack.insert(0, SplitConv(layers[0], len(conv.weight)))
            self.branches.append(nn.ModuleList(stack))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the features of the finest branch.

        Args:
            x (Tensor): Normalised crops of shape (B, in_channels, H, W).

        Returns:
            tuple[Tensor]: One map of shape (B, out_channels, H, W).
        """
        for side in map_size(x):
            pyramid(side, len(self.trunk))
        levels = []
        for i, conv in enumerate(self.trunk):
            x = conv(x if i == 0 else halve(x))
            levels.append(x)
        coarser: list[Tensor] = []  # maps of the size of the next level
        branches = cast(Iterable[nn.ModuleList], reversed(self.branches))
        for level, branch in zip(reversed(levels), branches, strict=True):
            out: list[Tensor] = []
            if len(branch):
                first, *later = branch
                out = [first(level, coarser)]
                for conv in later:
                    out = [conv(out[0])]
            if self.skip or not out:
                out += [tile(c, map_size(level)) for c in coarser]
            coarser = out
        return (coarser[0],)


class SplitConv(nn.Module):
    """The first convolution of a branch, split by its input channels.

    Args:
        conv (nn.Conv2d): The convolution of ``[fine, tile(coarse)]``.
        fine_channels (int): Number of its fine input channels.
    """

    def __init__(self, conv: nn.Conv2d, fine_channels: int) -> None:
        super().__init__()
        fine, coarse = conv.weight.detach().split(
            (fine_channels, conv.in_channels - fine_channels), dim=1
        )
        self.fine = _fixed(fine)
        self.bias = _fixed(conv.bias)
        self.coarse = _fixed(coarse)
        self.phases = _fixed(phase_weights(coarse))

    def forward(self, fine: Tensor, coarser: Sequence[Tensor]) -> Tensor:
        """Compute ``relu(conv([fine, tile(coarse)]))``.

        Args:
            fine (Tensor): Maps (B, I, H, W).
            coarser (Sequence[Tensor]): Maps (B, I', H / 2, W / 2); empty for
                the coarsest branch.

        Returns:
            Tensor: Maps (B, O, H, W).
        """
        if not coarser:
            return conv_relu(fine, self.fine, self.bias)
        small = coarser[0] if len(coarser) == 1 else torch.cat(list(coarser), 1)
        size = map_size(fine)
        if size == tuple(2 * side for side in map_size(small)):
            added = conv_of_tiled(small, self.phases, self.coarse.shape[-1])
        else:
            reach = self.coarse.shape[-1] // 2
            added = F.conv2d(tile(small, size), self.coarse, padding=reach)
        return conv_relu(fine, self.fine, self.bias, added)


class FusedConv(nn.Module):
    """A convolution that keeps the size of its map, with a ReLU.

    Args:
        conv (nn.Conv2d): Its weights are copied, in channels-last layout.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = _fixed(conv.weight)
        self.bias = _fixed(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``relu(conv(x))`` of maps (B, I, H, W)."""
        return conv_relu(x, self.weight, self.bias)


def phase_weights(weight: Tensor) -> Tensor:
    """Sum the weights that meet the same cell of the small map, per phase.

    Args:
        weight (Tensor): Kernels (O, I, k, k) on the tiled map, k odd.

    Returns:
        Tensor: Kernels (4 * O, I, m, m) on the small map, m = (k + 1) / 2:
        O kernels for each phase (p, q), in the order (0, 0), (0, 1), (1, 0),
        (1, 1), or in reverse order if m is even, see :func:`conv_of_tiled`.
    """
    side = weight.shape[-1]
    reach = side // 2
    # Axes: phase, cell of the small map, place in the kernel.
    meets = weight.new_zeros(2, (side + 1) // 2, side)
    for p in range(2):
        cells = [(p + step) // 2 for step in range(-reach, reach + 1)]
        for place, cell in enumerate(cells):
            meets[p, cell - cells[0], place] = 1
    if reach % 2:
        meets = meets.flip(0)
    sums = torch.einsum('oiyx,pmy,qnx->pqoimn', weight, meets, meets)
    return sums.flatten(0, 2)


def conv_of_tiled(x: Tensor, phases: Tensor, side: int) -> Tensor:
    """Convolve a tiled map, given the small map and :func:`phase_weights`.

    If m is even, phase 1 sees one cell further than phase 0. The convolution
    then returns one more row and column: row 2i of the map is phase 0 of row
    i, and row 2i + 1 is phase 1 of row i + 1. In reverse order of the phases
    these two are neighbours in memory.

    Args:
        x (Tensor): Small maps (B, I, H, W).
        phases (Tensor): Kernels (4 * O, I, m, m).
        side (int): Side k of the kernels on the tiled map.

    Returns:
        Tensor: Maps (B, O, 2 * H, 2 * W), in channels-last layout.
    """
    height, width = map_size(x)
    reach, odd = side // 2, side // 2 % 2
    every = F.conv2d(x, phases, padding=(reach + 1) // 2)
    every = every.permute(0, 2, 3, 1)
    if torch.onnx.is_in_onnx_export():  # ONNX has no assignment to slices
        rows, columns = height + odd, width + odd
        every = every.reshape(-1, rows, columns, 2, len(phases) // 2)
        out = every.transpose(2, 3).reshape(-1, 2 * rows, 2 * columns, len(phases) // 4)
        if odd:
            out = out[:, 1:-1, 1:-1]
        return out.permute(0, 3, 1, 2)
    every = every.unflatten(-1, (2, 2, -1))
    out = every.new_empty(len(x), height, 2, width, 2, every.shape[-1])
    for p in range(2):
        for q in range(2):
            top, left = p * odd, q * odd
            out[:, :, p, :, q] = every[
                :, top : top + height, left : left + width, p ^ odd, q ^ odd
            ]
    return out.flatten(1, 2).flatten(2, 3).permute(0, 3, 1, 2)


def tile(x: Tensor, size: Sequence[int]) -> Tensor:
    """Tile maps like :func:`rcn_mmpose.models.layers.tile`, also when traced.

    Args:
        x (Tensor): Maps of shape (B, C, h, w).
        size (Sequence[int]): Height and width of the result.
    """
    for dim, wanted in zip((-2, -1), size, strict=True):
        factor = -(-wanted // int(x.shape[dim]))  # rounded up
        index = torch.arange(wanted, device=x.device) // factor
        x = x.index_select(dim, index)
    return x


def halve(x: Tensor) -> Tensor:
    """Max-pool to the next level, like :func:`rcn_mmpose.models.layers.pool`.

    In channels-last layout on a CPU, three maxima take a third of the time of
    PyTorch's pooling.
    """
    height, width = map_size(x)
    if height % 2 or width % 2 or torch.onnx.is_in_onnx_export():
        return pool(x)
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def conv_relu(
    x: Tensor, weight: Tensor, bias: Tensor, added: Tensor | None = None
) -> Tensor:
    """Compute ``relu(conv(x) + added)``, in one operator if possible.

    Args:
        x (Tensor): Maps (B, I, H, W).
        weight (Tensor): Kernels (O, I, k, k), k odd.
        bias (Tensor): Bias (O,).
        added (Tensor, optional): Maps (B, O, H, W), which may be overwritten.

    Returns:
        Tensor: Maps (B, O, H, W).
    """
    reach = weight.shape[-1] // 2
    if not _fuses(x):
        out = F.conv2d(x, weight, bias, padding=reach)
        return (out if added is None else out.add_(added)).relu_()
    geometry = ([reach, reach], [1, 1], [1, 1], 1)
    if added is None:
        return torch.ops.mkldnn._convolution_pointwise(
            x, weight, bias, *geometry, 'relu', [], ''
        )
    return torch.ops.mkldnn._convolution_pointwise_.binary(
        added, x, weight, bias, *geometry, 'add', 1.0, 'relu', [], ''
    )


def map_size(x: Tensor) -> tuple[int, int]:
    """Return height and width as numbers, which are constants in a traced graph."""
    return int(x.shape[-2]), int(x.shape[-1])


def _fuses(x: Tensor) -> bool:
    """Whether PyTorch has fused operators for these maps."""
    if (
        not x.is_cpu
        or torch.is_grad_enabled()
        or torch.onnx.is_in_onnx_export()
        or not torch.backends.mkldnn.is_available()
        or not hasattr(torch.ops.mkldnn, '_convolution_pointwise_')
    ):
        return False
    if x.dtype == torch.bfloat16:  # older processors raise an error
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return x.dtype == torch.float32


def _fixed(weight: Tensor | None) -> nn.Parameter:
    """Copy weights as constants, in channels-last layout."""
    if weight is None:
        raise ValueError('a convolution of an RCN has a bias.')
    weight = weight.detach().clone()
    if weight.ndim == 4:
        weight = weight.contiguous(memory_format=torch.channels_last)
    return nn.Parameter(weight, requires_grad=False)


def _list(modules: object) -> Sequence[Any]:
    """Return a part of a network, with the type of a list for the type checker."""
    return cast(Sequence[Any], modules)
