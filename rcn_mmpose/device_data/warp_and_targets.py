"""Warping, occlusion and target encoding of whole batches, on the device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..codecs import CellIndex

# Faces whose sampling grids fit into the cache of a processor.
CHUNK = 4


def warp(crops: Tensor, sampling: Tensor, size: int, n: int) -> Tensor:
    """Warp square images, averaging n x n samples a pixel.

    This is the batched form of ``rcn_mmpose.CropFace``: bilinear samples on a grid
    n times finer, the mean of each n x n block, and black outside the image.

    Args:
        crops (Tensor): Grey images, uint8 of shape (B, S, S).
        sampling (Tensor): Affine maps (B, 2, 3), float32, from pixels (x, y)
            of the result to pixels of the image.
        size (int): Side of the result in pixels.
        n (int): Samples along each side of a pixel.

    Returns:
        Tensor: float32 of shape (B, 1, size, size): whole numbers from 0 to
        255, as if stored as uint8.
    """
    with torch.autocast(crops.device.type, enabled=False):
        chunk = CHUNK if crops.device.type == 'cpu' else max(1, len(crops))
        x, y = _sample_places(size, n, crops.device)
        return torch.cat(
            [
                F.grid_sample(
                    part[:, None].float(),
                    _grid(matrix, x, y, part.shape[-1]),
                    align_corners=False,
                )
                .view(-1, n * n, size, size)
                .mean(1, keepdim=True)
                .add_(0.5)
                .floor_()
                for part, matrix in zip(
                    crops.split(chunk), sampling.split(chunk), strict=True
                )
            ]
        )


def _sample_places(size: int, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the sample positions of a row and of a column, (n * n, size) each.

    Positions are in pixels, one for each of the n * n samples of a pixel.
    """
    offset = torch.arange(n, device=device) / n - (n - 1) / (2 * n)
    place = torch.arange(size, device=device) + offset[:, None]
    return place.repeat(n, 1), place.repeat_interleave(n, 0)


def _grid(sampling: Tensor, x: Tensor, y: Tensor, side: int) -> Tensor:
    """Return the sampling positions, (B, n * n * size, size, 2).

    The n * n samples of a pixel lie ``size`` rows apart, so that their mean
    reads memory in order. Positions count as ``F.grid_sample`` counts them:
    -1 and 1 are the outer edges of the image.
    """
    # With complex numbers x + iy a map has three factors, and one operation writes
    # the grid.
    a, b, c = torch.view_as_complex(
        sampling.transpose(1, 2).contiguous() * (2 / side)
    ).unbind(1)
    c = c + complex(1 / side - 1, 1 / side - 1)
    row = b[:, None, None] * y + c[:, None, None]
    grid = (a[:, None, None] * x)[:, :, None] + row[..., None]
    return torch.view_as_real(grid).flatten(1, 2)


def occlude(crops: Tensor, rectangles: Tensor) -> Tensor:
    """Blacken a rectangle of each image.

    Args:
        crops (Tensor): Images of shape (B, 1, H, W).
        rectangles (Tensor): First and last row, first and last column, the
            last ones not included, (B, 4); an empty rectangle leaves the
            image unchanged.

    Returns:
        Tensor: New images, (B, 1, H, W).
    """
    height, width = crops.shape[-2:]
    row = torch.arange(height, device=crops.device)
    column = torch.arange(width, device=crops.device)
    top, bottom, left, right = rectangles[:, :, None].unbind(1)
    rows = (row >= top) & (row < bottom)
    columns = (column >= left) & (column < right)
    black = rows[:, None, :, None] & columns[:, None, None, :]
    return crops.masked_fill(black, 0)


def encode_cells(
    codec: CellIndex, keypoints: Tensor, visible: Tensor
) -> dict[str, Tensor]:
    """Encode keypoints as ``codec.encode`` does, for a batch.

    Args:
        codec (CellIndex): The codec.
        keypoints (Tensor): Positions (x, y) in pixels of the crop, of shape
            (B, K, 2). Positions of keypoints without a label are ignored.
        visible (Tensor): Of shape (B, K); keypoints with the value 0 are
            left out of the loss.

    Returns:
        dict[str, Tensor]: ``keypoint_cells`` (B, K, C) int64,
        ``keypoint_cell_weights`` (B, K, C) and ``keypoint_weights`` (B, K).
    """
    width, height = codec.heatmap_size
    last = keypoints.new_tensor((width - 1, height - 1))
    weights = (visible > 0).to(keypoints.dtype)
    finite = keypoints.isfinite().all(-1, keepdim=True)
    keypoints = torch.where(finite, keypoints, 0)
    grid = (keypoints - (codec.stride - 1) / 2) / codec.stride
    nearest = (grid + 0.5).floor()
    if codec.outside == 'mask':
        weights = weights * ((nearest >= 0) & (nearest <= last)).all(-1)

    if codec.target == 'one':
        cells = torch.minimum(nearest.clamp_min(0), last)[..., None, :]
        cell_weights = torch.ones_like(cells[..., 0])
    else:
        grid = torch.minimum(grid.clamp_min(0), last)
        corner = torch.minimum(grid.floor(), (last - 1).clamp_min(0))
        part = (grid - corner)[..., None, :]
        step = grid.new_tensor([(0, 0), (1, 0), (0, 1), (1, 1)])
        cells = torch.minimum(corner[..., None, :] + step, last)
        cell_weights = torch.where(step > 0, part, 1 - part).prod(-1)
    cells = cells.long()
    return dict(
        keypoint_cells=cells[..., 1] * width + cells[..., 0],
        keypoint_cell_weights=cell_weights,
        keypoint_weights=weights,
    )
