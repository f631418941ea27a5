"""Reading keypoints off probability maps; batched tensor functions.

Positions are (x, y) in cells: (0, 0) is the centre of the top-left cell.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# How much the probabilities of two cells that count as equal may differ, as
# a part of them: convolutions round differently from place to place.
TIE = 1e-5


def best_cells(maps: Tensor) -> Tensor:
    """Find the most probable cell of each map.

    Of several equal cells the first in reading order wins. If it lies in a
    block of equal ones, as in a coarse map that was tiled up, the cell at the
    middle of the block (rounded down) stands for them.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).

    Returns:
        Tensor: Cells (x, y), int64 of shape (B, K, 2).
    """
    width = maps.shape[-1]
    flat = maps.flatten(2)
    # argmax may return any of several maxima; this returns the first
    top = flat.amax(-1, keepdim=True)
    index = (flat == top).to(torch.uint8).argmax(-1)
    cells = torch.stack((index % width, index // width), dim=-1)
    first, last = block_around(maps, cells)
    return (first + last) // 2


def block_around(maps: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Find how far the cells equal to a given one reach on its four sides.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).
        cells (Tensor): Cells (x, y), int64 of shape (B, K, 2).

    Returns:
        tuple[Tensor, Tensor]: First and last column and row (x, y) of that
        block, int64 of shape (B, K, 2); the cell itself if those beside it
        differ.
    """
    height, width = maps.shape[-2:]
    x, y = cells[..., :1], cells[..., 1:]
    row = maps.gather(2, y[..., None].expand(-1, -1, 1, width)).squeeze(2)
    column = maps.gather(3, x[..., None].expand(-1, -1, height, 1)).squeeze(3)
    first, last = [], []
    for line, at in ((row, x), (column, y)):
        value = line.gather(-1, at)
        other = (line - value).abs() > TIE * value.abs()
        place = torch.arange(line.shape[-1], device=maps.device)
        first.append(place.where(other & (place < at), -1).amax(-1) + 1)
        last.append(place.where(other & (place > at), len(place)).amin(-1) - 1)
    return torch.stack(first, dim=-1), torch.stack(last, dim=-1)


def local_expectation(maps: Tensor, cells: Tensor, window: int) -> Tensor:
    """Average the positions in a window around each cell.

    The probabilities of the window are scaled to sum to 1. With targets
    spread over four cells by bilinear weights this is unbiased. Far modes do
    not pull the result, as they would in an expectation over the whole map.
    For a cell in a block of equal ones it is the middle of the block.

    Args:
        maps (Tensor): Probability maps of shape (B, K, H, W), not negative.
        cells (Tensor): Window centres (x, y), int64 of shape (B, K, 2).
        window (int): Odd side of the window in cells.

    Returns:
        Tensor: Positions (x, y) of shape (B, K, 2).
    """
    height, width = maps.shape[-2:]
    reach = window // 2
    padded = F.pad(maps, (reach,) * 4).flatten(2)
    steps = torch.arange(window, device=maps.device)
    rows = cells[..., 1, None, None] + steps[:, None]
    columns = cells[..., 0, None, None] + steps
    index = (rows * (width + 2 * reach) + columns).flatten(2)
    patch = padded.gather(-1, index).unflatten(-1, (window, window))
    total = patch.sum((-2, -1))
    offset = steps.to(maps.dtype) - reach
    dx = (patch.sum(-2) * offset).sum(-1) / total
    dy = (patch.sum(-1) * offset).sum(-1) / total
    position = cells + torch.stack((dx, dy), dim=-1)
    first, last = block_around(maps, cells)
    alone = (first == last).all(-1, keepdim=True)
    return torch.where(alone, position, (first + last).to(maps.dtype) / 2)


def mass_within(maps: Tensor, positions: Tensor, radius: float) -> Tensor:
    """Sum the probability of all cells whose centre is near a position.

    Args:
        maps (Tensor): Probability maps of shape (B, K, H, W).
        positions (Tensor): Positions (x, y) in cells, of shape (B, K, 2).
        radius (float): Largest distance in cells, inclusive.

    Returns:
        Tensor: Probability in [0, 1], of shape (B, K).
    """
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device)
    y = torch.arange(height, device=maps.device)
    dx2 = (x - positions[..., 0, None]).square()
    dy2 = (y - positions[..., 1, None]).square()
    near = dx2[..., None, :] + dy2[..., :, None] <= radius**2
    return (maps * near).sum((-2, -1)).clamp(max=1)
