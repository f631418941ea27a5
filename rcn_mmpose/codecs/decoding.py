"""Decoding of score maps and probability maps into keypoints.

This module is the one place where a map becomes numbers: the keypoint, its
confidence, and the mean and covariance of the map. The codec, the heads, the
predictor, the exported ONNX models and the laboratory call these functions.

All functions are batched, take maps of shape (B, K, H, W), and can be traced
by the ONNX exporter. For speed they follow the order of the memory, and read
only the cells near a keypoint where no other cell matters.

Positions are (x, y) in cells: (0, 0) is the centre of the top-left cell.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .calibration import Calibration

# Largest relative difference between the probabilities of two cells that
# count as equal: convolutions round differently from place to place.
TIE = 1e-5


def read_scores(
    scores: Tensor,
    window: int | None,
    radius: float,
    calibration: Calibration | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Decode score maps into positions, confidence and covariance.

    Args:
        scores (Tensor): Score maps (before the softmax), (B, K, H, W).
        window (int, optional): Odd side of the window around the most
            probable cell; the position is the expectation in this window.
            None takes the most probable cell itself, 0 the expectation over
            the whole map.
        radius (float): Largest distance in cells, inclusive, within which
            probability counts as confidence.
        calibration (Calibration, optional): Calibration of confidence and
            covariance.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Positions (B, K, 2); confidence (B, K)
        in [0, 1]; covariance (B, K, 2, 2) in squared cells, about the mean
        of the map, or about the position if there is a calibration. float32.
    """
    maps = probability_maps(scores)
    temperature = 1.0 if calibration is None else calibration.temperature
    if window == 0 or temperature == 1:
        mean, covariance = mean_and_covariance(maps)
    if window == 0:
        positions = mean
    else:
        cells = best_cells(maps)
        positions = cells.to(maps.dtype)
        if window is not None:
            positions = local_expectation(maps, cells, window)
    if temperature != 1:
        flat = scores.flatten(2).float() / temperature
        maps = flat.softmax(-1).view(scores.shape)
        mean, covariance = mean_and_covariance(maps)
    if calibration is not None:
        covariance = calibration.covariance(mean, covariance, positions)
    return positions, mass_within(maps, positions, radius), covariance


def probability_maps(scores: Tensor) -> Tensor:
    """Return the softmax of score maps over their cells, in float32.

    Args:
        scores (Tensor): Score maps of shape (B, K, H, W).
    """
    return scores.flatten(2).float().softmax(-1).view(scores.shape)


def best_cells(maps: Tensor) -> Tensor:
    """Find the most probable cell of each map.

    Of several equal cells the first in reading order wins. If this cell lies
    in a block of equal cells, as in a coarse map that was tiled up, the
    middle of the block (rounded down) is returned.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).

    Returns:
        Tensor: Cells (x, y), int64 of shape (B, K, 2).
    """
    rows = maps.amax(-1)
    top = rows.amax(-1, keepdim=True)
    y = _first(rows == top)
    x = _first(_rows(maps, y) == top)
    first, last = block_around(maps, torch.cat((x, y), -1))
    return torch.div(first + last, 2, rounding_mode='trunc')


def block_around(maps: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Find the block of equal cells around a cell, along its row and column.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).
        cells (Tensor): Cells (x, y), int64 of shape (B, K, 2).

    Returns:
        tuple[Tensor, Tensor]: First and last column and row (x, y) of the
        block, int64 of shape (B, K, 2). Both are the cell itself if its
        neighbours differ.
    """
    height, width = _sides(maps)
    x, y = cells[..., :1], cells[..., 1:]
    value = _take(maps, y * width + x)
    column = _take(maps, torch.arange(height, device=maps.device) * width + x)
    first, last = [], []
    for line, at in ((_rows(maps, y), x), (column, y)):
        other = (line - value).abs() > TIE * value.abs()
        place = _places(line)
        low = place.where(other & (place < at), -1).amax(-1)
        high = place.where(other & (place > at), len(place)).amin(-1)
        first.append(low.to(torch.int64) + 1)
        last.append(high.to(torch.int64) - 1)
    return torch.stack(first, dim=-1), torch.stack(last, dim=-1)


def local_expectation(maps: Tensor, cells: Tensor, window: int) -> Tensor:
    """Return the expected position in a window around each cell.

    The probabilities of the window are scaled to sum to 1. With targets
    spread over four cells by bilinear weights the result is unbiased. Modes
    outside the window do not pull the result. For a cell in a block of equal
    cells the result is the middle of the block.

    Args:
        maps (Tensor): Probability maps of shape (B, K, H, W), not negative.
        cells (Tensor): Window centres (x, y), int64 of shape (B, K, 2).
        window (int): Odd side of the window in cells.

    Returns:
        Tensor: Positions (x, y) of shape (B, K, 2).
    """
    offset = torch.arange(window, device=maps.device) - window // 2
    patch = _patch(maps, cells - window // 2, window)
    total = patch.sum((-2, -1))
    offset = offset.to(maps.dtype)
    dx = (patch.sum(-2) * offset).sum(-1) / total
    dy = (patch.sum(-1) * offset).sum(-1) / total
    position = cells + torch.stack((dx, dy), dim=-1)
    first, last = block_around(maps, cells)
    same = first == last
    alone = same[..., :1] & same[..., 1:]
    return torch.where(alone, position, (first + last).to(maps.dtype) / 2)


def mass_within(maps: Tensor, positions: Tensor, radius: float) -> Tensor:
    """Sum the probability of all cells whose centre is near a position.

    Args:
        maps (Tensor): Probability maps of shape (B, K, H, W).
        positions (Tensor): Positions (x, y) in cells on the map, (B, K, 2).
        radius (float): Largest distance in cells, inclusive.

    Returns:
        Tensor: Probability in [0, 1], of shape (B, K).
    """
    # no cell lies further away than the sides of the map
    reach = math.ceil(min(radius, sum(_sides(maps))))
    side = 2 * reach + 2
    start = positions.floor().to(torch.int64) - reach
    steps = torch.arange(side, device=maps.device)
    apart = (start[..., None] + steps - positions[..., None]).square()
    near = apart[..., 0, None, :] + apart[..., 1, :, None] <= radius**2
    return (_patch(maps, start, side) * near).sum((-2, -1)).clamp(max=1)


def mean_position(maps: Tensor) -> Tensor:
    """Return the mean position of probability maps.

    Call this function with autocast off: the matrix products would run in
    half precision.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W), each summing to 1.

    Returns:
        Tensor: Means (x, y) of shape (B, K, 2).
    """
    return _mean(maps)[0]


def mean_and_covariance(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean position and the covariance of probability maps.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W), each summing to 1.

    Returns:
        tuple[Tensor, Tensor]: Mean (x, y) of shape (B, K, 2), and covariance
        of shape (B, K, 2, 2).
    """
    mean, (x, y), (mean_x, mean_y), (by_row, by_column) = _mean(maps)
    # a matrix product would take ONNX Runtime ten times as long
    x_by_row = (maps * x).sum(-1)
    # deviations from the mean: squares of large numbers would cancel
    dx, dy = x - mean_x[..., None], y - mean_y[..., None]
    var_x = (by_column * dx.square()).sum(-1)
    var_y = (by_row * dy.square()).sum(-1)
    dx_by_row = x_by_row - mean_x[..., None] * by_row
    both = (dx_by_row * dy).sum(-1)
    covariance = torch.stack((var_x, both, both, var_y), dim=-1)
    return mean, covariance.unflatten(-1, (2, 2))


Pair = tuple[Tensor, Tensor]


def _mean(maps: Tensor) -> tuple[Tensor, Pair, Pair, Pair]:
    """Compute the mean of maps, and the parts that the covariance needs.

    Returns:
        tuple: The mean (B, K, 2); the positions x (W,) and y (H,) of the
        cells from the middle of the map; the mean x and y (B, K) from the
        middle; the sums by row (B, K, H) and by column (B, K, W).
    """
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device, dtype=maps.dtype)
    y = torch.arange(height, device=maps.device, dtype=maps.dtype)
    # positions from the middle of the map keep the numbers small
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    by_row, by_column = maps.sum(-1), maps.sum(-2)
    mean_x, mean_y = by_column @ x, by_row @ y
    mean = torch.stack((mean_x + (width - 1) / 2, mean_y + (height - 1) / 2), dim=-1)
    return mean, (x, y), (mean_x, mean_y), (by_row, by_column)


def _patch(maps: Tensor, start: Tensor, side: int) -> Tensor:
    """Cut a window out of each map, zeros beyond the border.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).
        start (Tensor): First column and row (x, y), int64 (B, K, 2).
        side (int): Side of the window in cells.

    Returns:
        Tensor: Windows of shape (B, K, side, side).
    """
    height, width = _sides(maps)
    place = start[..., None] + torch.arange(side, device=maps.device)
    columns, rows = place.unbind(-2)
    index = rows.clamp(0, height - 1)[..., None] * width
    index = (index + columns.clamp(0, width - 1)[..., None, :]).flatten(2)
    patch = _take(maps, index).unflatten(-1, (side, side))
    inside = ((rows >= 0) & (rows < height))[..., None]
    inside = inside & ((columns >= 0) & (columns < width))[..., None, :]
    return patch * inside


def _first(found: Tensor) -> Tensor:
    """Return the index of the first True of the last axis, int64 (B, K, 1).

    Of several maxima, argmax may return any.
    """
    place = _places(found)
    return place.where(found, len(place)).amin(-1, keepdim=True).to(torch.int64)


def _places(line: Tensor) -> Tensor:
    """Return the indices of the last axis, float32.

    OpenVINO 2026.4 adds a constant wrongly to the largest or smallest of
    integers, for all faces of a batch from face K on.
    """
    side = int(line.shape[-1])
    return torch.arange(side, dtype=torch.float32, device=line.device)


def _rows(maps: Tensor, y: Tensor) -> Tensor:
    """Read a row of each map, (B, K, W), given its index (B, K, 1)."""
    width = _sides(maps)[1]
    return _take(maps, y * width + torch.arange(width, device=maps.device))


def _take(maps: Tensor, index: Tensor) -> Tensor:
    """Read cells of each map.

    An exported graph reads them from one long array by ``Gather``, which all
    engines compute. ``Tensor.gather`` is faster in PyTorch, but becomes
    ``GatherElements``, which ONNX's reference implementation refuses here.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).
        index (Tensor): Cells ``row * W + column``, int64 (B, K, N).

    Returns:
        Tensor: Their values, (B, K, N).
    """
    if not torch.onnx.is_in_onnx_export():
        return maps.flatten(2).gather(-1, index)
    count, (height, width) = int(maps.shape[1]), _sides(maps)
    face = torch.arange(maps.shape[0], device=maps.device)[:, None, None]
    keypoint = torch.arange(count, device=maps.device)[:, None]
    return maps.reshape(-1)[(face * count + keypoint) * (height * width) + index]


def _sides(maps: Tensor) -> tuple[int, int]:
    """Return height and width as constants, also while a graph is traced."""
    return int(maps.shape[-2]), int(maps.shape[-1])
