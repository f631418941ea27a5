"""The same network with fewer products: exact savings for prediction.

A branch convolves its level of the pyramid beside the tiled result of the
coarser branch (paper, eq. 3). Every cell of that result stands there four
times, so most products are computed several times over. A convolution is
linear in its input channels; split by them, its coarse part can be computed
on the small map::

    conv([fine, tile(coarse)]) = conv_f(fine) + conv_c(tile(coarse))

which :mod:`~.tiled_conv` does with 4/9 of the products for a 3x3 kernel, 9/25
for a 5x5 one. Nothing is approximated.

The bias, the sum of both parts and the ReLU are done by the convolution of
the fine part, in place, where PyTorch has oneDNN's fused operators; a map is
pooled by three maxima. Tried on a CPU and left out, for they gained nothing: a
transposed convolution in place of the four kernels, 1x1 convolutions and the
first one as matrix products, weights packed beforehand, and pooling before
bias and ReLU (those are free already, and the branch wants them).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..models.backbones.rcn import RCN
from ..models.layers import pool, pyramid


def phase_weights(weight: Tensor) -> Tensor:
    """Sum the weights that meet the same cell of the small map.

    Args:
        weight (Tensor): Kernels (O, I, k, k) on the tiled map, k odd.

    Returns:
        Tensor: Kernels (4 * O, I, m, m) on the small map, m = (k + 1) / 2;
        O for each phase (p, q), in the order (0, 0), (0, 1), (1, 0), (1, 1),
        or in the reverse order where m is even: see :func:`conv_of_tiled`.
    """
    side = weight.shape[-1]
    reach = side // 2
    # [phase, cell of the small map, place in the kernel]
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
    """Convolve a tiled map, given the map and :func:`phase_weights`.

    Where m is even, phase 1 sees one cell further on than phase 0: with one
    more row and column of results, row 2i of the map is phase 0 of row i, and
    row 2i + 1 is phase 1 of row i + 1. In the reverse order of phases these
    follow each other.

    Args:
        x (Tensor): Maps (B, I, H, W).
        phases (Tensor): Kernels (4 * O, I, m, m).
        side (int): Side k of the kernels on the tiled map.

    Returns:
        Tensor: Maps (B, O, 2 * H, 2 * W), channels last in memory.
    """
    height, width = map_size(x)
    reach, odd = side // 2, side // 2 % 2
    every = F.conv2d(x, phases, padding=(reach + 1) // 2)
    every = every.permute(0, 2, 3, 1)
    if torch.onnx.is_in_onnx_export():  # which has no assignments
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


def map_size(x: Tensor) -> tuple[int, int]:
    """Return height and width; constants where a graph is traced."""
    return int(x.shape[-2]), int(x.shape[-1])


def split_upsampling(model: nn.Module) -> nn.Module:
    """Return a copy of a model in which every RCN computes less.

    Args:
        model (nn.Module): An ``rcn_mmpose.RCN``, or any model with one or
            more in it (also as the backbone of a denoiser).

    Returns:
        nn.Module: For prediction alone: its RCNs are :class:`SplitRCN`.
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
    """An RCN for prediction, equal to the one it is made of.

    Masks and skip connections included. Where a level is not twice the size
    of the next one (5 above 2), that branch computes what it always did.

    Args:
        rcn (RCN): The network; its weights are copied.
    """

    def __init__(self, rcn: RCN) -> None:
        super().__init__()
        self.in_channels = rcn.in_channels
        self.out_channels = rcn.out_channels
        self.skip = rcn.skip
        self.trunk = nn.ModuleList(
            FusedConv(layer.conv) for stage in rcn.trunk for layer in stage
        )
        self.branches = nn.ModuleList()
        for conv, branch in zip(self.trunk, rcn.branches, strict=True):
            layers = [layer.conv for layer in branch]
            stack = [FusedConv(conv) for conv in layers[1:]]
            if layers:
                stack.insert(0, SplitConv(layers[0], len(conv.weight)))
            self.branches.append(nn.ModuleList(stack))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the features of the finest branch.

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
        coarser: list[Tensor] = []  # at the size of the level below
        for level, branch in zip(
            reversed(levels), reversed(self.branches), strict=True
        ):
            out = []
            if len(branch):
                first, *others = branch
                out = [first(level, coarser)]
                for conv in others:
                    out = [conv(out[0])]
            if self.skip or not out:
                out += [tile(c, map_size(level)) for c in coarser]
            coarser = out
        return (coarser[0],)


class FusedConv(nn.Module):
    """A convolution that keeps the size of its map, and its ReLU.

    Args:
        conv (nn.Conv2d): Its weights are copied, the channels put last.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = _fixed(conv.weight)
        self.bias = _fixed(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``relu(conv(x))`` of maps (B, I, H, W)."""
        return conv_relu(x, self.weight, self.bias)


class SplitConv(nn.Module):
    """The first convolution of a branch, split by its input channels.

    Args:
        conv (nn.Conv2d): The convolution of ``[fine, tile(coarse)]``.
        fine_channels (int): How many of its input channels are fine.
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
            coarser (Sequence[Tensor]): Maps (B, I', H / 2, W / 2) each; none
                for the coarsest branch.

        Returns:
            Tensor: Maps (B, O, H, W).
        """
        if not coarser:
            return conv_relu(fine, self.fine, self.bias)
        small = coarser[0] if len(coarser) == 1 else torch.cat(coarser, 1)
        size = map_size(fine)
        if size == tuple(2 * side for side in map_size(small)):
            added = conv_of_tiled(small, self.phases, self.coarse.shape[-1])
        else:
            reach = self.coarse.shape[-1] // 2
            added = F.conv2d(tile(small, size), self.coarse, padding=reach)
        return conv_relu(fine, self.fine, self.bias, added)


def tile(x: Tensor, size: Sequence[int]) -> Tensor:
    """Do what :func:`rcn_mmpose.models.layers.tile` does, also when traced.

    Args:
        x (Tensor): Maps of shape (B, C, h, w).
        size (Sequence[int]): Height and width wanted.
    """
    for dim, wanted in zip((-2, -1), size, strict=True):
        factor = -(-wanted // int(x.shape[dim]))  # rounded up
        index = torch.arange(wanted, device=x.device) // factor
        x = x.index_select(dim, index)
    return x


def halve(x: Tensor) -> Tensor:
    """Max-pool to the next level, as :func:`~rcn_mmpose.models.layers.pool`.

    With the channels last in memory three maxima take a third of the time of
    PyTorch's pooling on a CPU.
    """
    height, width = map_size(x)
    if height % 2 or width % 2 or torch.onnx.is_in_onnx_export():
        return pool(x)
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def conv_relu(
    x: Tensor, weight: Tensor, bias: Tensor, added: Tensor | None = None
) -> Tensor:
    """Compute ``relu(conv(x) + added)`` in one go where that is possible.

    Args:
        x (Tensor): Maps (B, I, H, W).
        weight (Tensor): Kernels (O, I, k, k), k odd.
        bias (Tensor): Of shape (O,).
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


def _fuses(x: Tensor) -> bool:
    """Whether PyTorch has the fused operators for these maps."""
    if (
        not x.is_cpu
        or torch.is_grad_enabled()
        or torch.onnx.is_in_onnx_export()
        or not torch.backends.mkldnn.is_available()
        or not hasattr(torch.ops.mkldnn, '_convolution_pointwise_')
    ):
        return False
    if x.dtype == torch.bfloat16:  # they raise an error on older processors
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return x.dtype == torch.float32


def _fixed(weight: Tensor) -> nn.Parameter:
    """Copy weights that are not trained, the channels last in memory."""
    weight = weight.detach().clone()
    if weight.ndim == 4:
        weight = weight.contiguous(memory_format=torch.channels_last)
    return nn.Parameter(weight, requires_grad=False)
