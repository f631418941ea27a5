"""Spatial cross-entropy loss: -log P of the true cell (paper, eq. 2)."""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class SpatialCrossEntropyLoss(nn.Module):
    """Cross-entropy of a softmax over all cells of each score map.

    With one target cell c per keypoint this is eq. 2's -log P(Y_k = c); with
    several weighted cells it is the cross-entropy to the distribution of the
    weights. The paper sums over keypoints; this loss is the mean over
    keypoints. Set ``loss_weight=K`` for the paper's value. The loss is
    computed in float32, or float64 for scores in float64, under autocast too.

    Args:
        loss_weight (float): Factor of the result. Defaults to 1.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self,
        scores: Tensor,
        cells: Tensor,
        cell_weights: Tensor,
        keypoint_weights: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            scores (Tensor): Score maps, before the softmax, of shape
                (B, K, H, W).
            cells (Tensor): Target cells as flat indices ``row * W + column``,
                int64 of shape (B, K, C), each in [0, H * W).
            cell_weights (Tensor): Weight of each target cell, of shape
                (B, K, C); the C weights of a keypoint sum to 1.
            keypoint_weights (Tensor, optional): Weight of each keypoint, of
                shape (B, K). A keypoint of weight 0 counts neither in the
                sum nor in the divisor of the mean. Defaults to 1 for all.

        Returns:
            Tensor: Scalar; 0 (with zero gradients) if all weights are 0.

        Raises:
            ValueError: If the shapes do not match, or a cell lies outside
                its map.
        """
        if scores.ndim != 4 or cells.ndim != 3:
            raise ValueError(
                f'scores {tuple(scores.shape)} and cells '
                f'{tuple(cells.shape)} must be (B, K, H, W) and (B, K, C).'
            )
        batch, keypoints, height, width = scores.shape
        if cells.shape[:2] != scores.shape[:2]:
            raise ValueError(
                f'{keypoints} score maps for each of {batch} images, but '
                f"targets of shape {tuple(cells.shape)}: the head's "
                'out_channels must equal the number of keypoints of the data.'
            )
        if cell_weights.shape != cells.shape:
            raise ValueError(
                f'cell_weights {tuple(cell_weights.shape)} must have the '
                f'shape of cells, {tuple(cells.shape)}.'
            )
        if keypoint_weights is None:
            keypoint_weights = scores.new_ones(batch, keypoints)
        elif keypoint_weights.shape != (batch, keypoints):
            raise ValueError(
                f'keypoint_weights {tuple(keypoint_weights.shape)} must be '
                f'(B, K) = {(batch, keypoints)}.'
            )
        # gather() checks its indices on the CPU only; this error is clearer
        if cells.device.type == 'cpu' and cells.numel():
            low, high = int(cells.min()), int(cells.max())
            if low < 0 or high >= height * width:
                raise ValueError(
                    f'target cells run from {low} to {high}; a map of '
                    f'{height}x{width} has cells 0 to {height * width - 1}. '
                    'Give the codec the input_size of the network.'
                )

        with torch.autocast(scores.device.type, enabled=False):
            # AMP gives half precision; gradcheck needs double precision
            dtype = torch.promote_types(scores.dtype, torch.float32)
            mask = keypoint_weights.to(dtype)
            # a masked map may hold inf or nan, and 0 * inf is nan: fill it
            # before the softmax, so that its gradient is 0 too
            scores = scores.masked_fill((mask == 0)[..., None, None], 0)
            log_p = scores.flatten(2).to(dtype).log_softmax(-1)
            weights = cell_weights.to(dtype)
            loss = -(weights * log_p.gather(-1, cells)).sum(-1)
            total = mask.sum()
            mean = (mask * loss).sum() / torch.where(total > 0, total, 1)
            return self.loss_weight * mean
