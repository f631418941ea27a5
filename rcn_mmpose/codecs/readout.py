"""Keypoints, confidence and covariance of score maps, with few passes.

The same numbers as :mod:`rcn_mmpose.codecs.decoding`, by which the heads
predict, but in the order in which memory lies, and with nothing but its
surroundings read for what lies near a keypoint.

Positions are (x, y) in cells: (0, 0) is the centre of the top-left cell.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .calibration import Calibration
from .decoding import block_around


def read_scores(
    scores: Tensor,
    window: int | None,
    radius: float,
    calibration: Calibration | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Read score maps.

    Args:
        scores (Tensor): Score maps (before the softmax), (B, K, H, W).
        window (int, optional): Odd side of the window around the most
            probable cell whose expectation is the position; None for that
            cell itself, 0 for the expectation over the whole map.
        radius (float): Largest distance in cells, inclusive, within which
            probability counts as confidence.
        calibration (Calibration, optional): Of confidence and covariance.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Positions (B, K, 2); confidence (B, K)
        in [0, 1]; covariance (B, K, 2, 2) of each map about its mean, or if
        calibrated about the position, in squared cells. float32.
    """
    maps = scores.flatten(2).float().softmax(-1).view(scores.shape)
    tempered = calibration is not None and calibration.temperature != 1
    if window == 0 or not tempered:
        mean, covariance = moments(maps)
    if window == 0:
        positions = mean
    else:
        cells = _best_cells(maps)
        positions = cells.to(maps.dtype)
        if window is not None:
            positions = _expectation(maps, cells, window)
    if tempered:
        flat = scores.flatten(2).float() / calibration.temperature
        maps = flat.softmax(-1).view(scores.shape)
        mean, covariance = moments(maps)
    if calibration is not None:
        covariance = calibration.covariance(mean, covariance, positions)
    return positions, _mass(maps, positions, radius), covariance


def moments(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the covariance of probability maps.

    Args:
        maps (Tensor): Of shape (B, K, H, W), each summing to 1.

    Returns:
        tuple[Tensor, Tensor]: (x, y) of shape (B, K, 2), and (B, K, 2, 2).
    """
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device, dtype=maps.dtype)
    y = torch.arange(height, device=maps.device, dtype=maps.dtype)
    # from the middle of the map, which keeps the numbers small
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    by_row, by_column = maps.sum(-1), maps.sum(-2)
    # a product of matrices would take ONNX Runtime ten times as long
    x_by_row = (maps * x).sum(-1)
    mean_x, mean_y = by_column @ x, by_row @ y
    # deviations from the mean, for squares of large numbers would cancel
    dx, dy = x - mean_x[..., None], y - mean_y[..., None]
    var_x = (by_column * dx.square()).sum(-1)
    var_y = (by_row * dy.square()).sum(-1)
    dx_by_row = x_by_row - mean_x[..., None] * by_row
    both = (dx_by_row * dy).sum(-1)
    covariance = torch.stack((var_x, both, both, var_y), dim=-1)
    mean = torch.stack((mean_x + (width - 1) / 2, mean_y + (height - 1) / 2), dim=-1)
    return mean, covariance.unflatten(-1, (2, 2))


def _best_cells(maps: Tensor) -> Tensor:
    """Find the most probable cell, as ``decoding.best_cells`` does."""
    rows = maps.amax(-1)
    top = rows.amax(-1, keepdim=True)
    # argmax may return any of several maxima; of these numbers the first
    y = (rows == top).to(torch.uint8).argmax(-1, keepdim=True)
    index = y[..., None].expand(-1, -1, 1, maps.shape[-1])
    row = maps.gather(2, index).squeeze(2)
    x = (row == top).to(torch.uint8).argmax(-1, keepdim=True)
    first, last = block_around(maps, torch.cat((x, y), -1))
    return (first + last) // 2


def _expectation(maps: Tensor, cells: Tensor, window: int) -> Tensor:
    """Average the positions in a window around each cell."""
    offset = torch.arange(window, device=maps.device) - window // 2
    patch = _patch(maps, cells - window // 2, window)
    total = patch.sum((-2, -1))
    offset = offset.to(maps.dtype)
    dx = (patch.sum(-2) * offset).sum(-1) / total
    dy = (patch.sum(-1) * offset).sum(-1) / total
    position = cells + torch.stack((dx, dy), dim=-1)
    # of a block of equal cells its middle
    first, last = block_around(maps, cells)
    alone = (first == last).all(-1, keepdim=True)
    return torch.where(alone, position, (first + last).to(maps.dtype) / 2)


def _mass(maps: Tensor, positions: Tensor, radius: float) -> Tensor:
    """Sum the probability within a distance, at most 1, (B, K)."""
    reach = math.ceil(radius)
    side = 2 * reach + 2
    start = positions.floor().to(torch.int64) - reach
    steps = torch.arange(side, device=maps.device)
    apart = (start[..., None] + steps - positions[..., None]).square()
    near = apart[..., 0, None, :] + apart[..., 1, :, None] <= radius**2
    return (_patch(maps, start, side) * near).sum((-2, -1)).clamp(max=1)


def _patch(maps: Tensor, start: Tensor, side: int) -> Tensor:
    """Cut a window out of each map, zeros beyond the border.

    Args:
        maps (Tensor): Of shape (B, K, H, W).
        start (Tensor): First column and row (x, y), int64 (B, K, 2).
        side (int): Of the window in cells.

    Returns:
        Tensor: Of shape (B, K, side, side).
    """
    height, width = maps.shape[-2:]
    place = start[..., None] + torch.arange(side, device=maps.device)
    columns, rows = place.unbind(-2)
    index = rows.clamp(0, height - 1)[..., None] * width
    index = (index + columns.clamp(0, width - 1)[..., None, :]).flatten(2)
    patch = maps.flatten(2).gather(-1, index).unflatten(-1, (side, side))
    inside = ((rows >= 0) & (rows < height))[..., None]
    inside = inside & ((columns >= 0) & (columns < width))[..., None, :]
    return patch * inside
