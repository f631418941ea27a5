"""Target cells of many faces at once, on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from ...codecs import CellIndex


def encode_cells(
    codec: CellIndex, keypoints: Tensor, visible: Tensor
) -> dict[str, Tensor]:
    """Encode keypoints as ``codec.encode`` does, for a batch.

    Args:
        codec (CellIndex): The codec.
        keypoints (Tensor): Positions (x, y) in pixels of the crop, of shape
            (B, K, 2). Those of keypoints that do not count may be anything.
        visible (Tensor): Of shape (B, K); the keypoints of value 0 are left
            out of the loss.

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
