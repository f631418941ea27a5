"""One-hot maps of keypoints: a 1 at the keypoint's cell, zeros elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot_maps(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Make the one-hot maps of keypoints.

    Args:
        cells (Tensor): Flat indices ``row * W + column``, int64 of shape
            (B, K).
        size (tuple): Height and width of the maps.

    Returns:
        Tensor: float32 maps of shape (B, K, H, W).
    """
    height, width = size
    every = torch.arange(height * width, device=cells.device)
    return (cells[..., None] == every).float().unflatten(-1, (height, width))


def one_hot_cells(maps: Tensor) -> Tensor:
    """Return the cells of one-hot maps.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).

    Returns:
        Tensor: Flat indices, int64 of shape (B, K).

    Raises:
        ValueError: If a map is not one-hot.
    """
    flat = maps.flatten(2)
    top, cells = flat.max(-1)
    # if one value is 1 and the squares sum to 1, all other values are 0
    wrong = (top != 1) | (torch.linalg.vector_norm(flat, dim=-1) != 1)
    if wrong.any():
        face, keypoint = wrong.nonzero()[0].tolist()
        raise ValueError(
            f'{int(wrong.sum())} of {wrong.numel()} maps are not one-hot; '
            f'that of keypoint {keypoint} of face {face} holds '
            f'{int(flat[face, keypoint].count_nonzero())} values that are not '
            f'0, the largest {float(top[face, keypoint]):.4g}. Each must hold '
            'one 1, at the cell of its keypoint, and zeros: as '
            'rcn_mmpose.CorruptKeypoints makes them, or one_hot_maps().'
        )
    return cells
