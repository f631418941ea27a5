"""Convolving a map whose every cell stands there four times.

The cell (2i + p, 2j + q) of the result, through a 3x3 kernel, sees 2x2 cells
of the map before it was tiled. Four 2x2 kernels of summed weights, one for
each phase (p, q), compute it with 4/9 of the products; four 3x3 kernels stand
for a 5x5 one, 9/25. The zeros beyond the border of the tiled map are zeros
beyond the border of the small one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
        out = every.transpose(2, 3).reshape(
            -1, 2 * rows, 2 * columns, len(phases) // 4
        )
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
