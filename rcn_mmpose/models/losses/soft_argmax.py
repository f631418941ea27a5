"""Soft-argmax loss: squared distance (RCN+: Honari et al., CVPR 2018)."""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor

from ...codecs.decoding import mean_position
from ...registry import MODELS


def soft_maps(scores: Tensor, beta: float) -> Tensor:
    """Return the softmax of ``beta * scores`` over the cells of each map.

    The softmax is computed in float32 or float64, under autocast too.

    Args:
        scores (Tensor): Score maps of shape (B, K, H, W).
        beta (float): Factor of the scores. A larger beta gives narrower maps.
    """
    with torch.autocast(scores.device.type, enabled=False):
        dtype = torch.promote_types(scores.dtype, torch.float32)
        flat = (beta * scores.flatten(2).to(dtype)).softmax(-1)
    return flat.view_as(scores)


@MODELS.register_module()
class SoftArgmaxLoss(nn.Module):
    """Mean squared distance between the soft-argmax and the true position.

    The arguments are the same as for
    :class:`~rcn_mmpose.models.losses.spatial_cross_entropy.SpatialCrossEntropyLoss`.
    The true position is the weighted mean of the target cells; with
    ``CellIndex(target='four')`` this is the keypoint itself. The unit is a
    square cell; the paper names no unit, and AdamW and AdaDelta do not depend
    on it.

    The paper prints beta = 1 in its text and 100 in the caption of its
    Figure S3.

    Args:
        beta (float): Factor of the score maps before their softmax. Defaults
            to 1.
        loss_weight (float): The paper's lambda. Defaults to 1.

    Raises:
        ValueError: If beta is not positive, or (in ``forward``) if the shapes
            do not match.
    """

    def __init__(self, beta: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if beta <= 0:
            raise ValueError(f'beta={beta} must be positive.')
        self.beta = beta
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
                int64 of shape (B, K, C).
            cell_weights (Tensor): Weight of each target cell, of shape
                (B, K, C); the C weights of a keypoint sum to 1.
            keypoint_weights (Tensor, optional): Weight of each keypoint, of
                shape (B, K). A keypoint of weight 0 counts neither in the
                sum nor in the divisor of the mean. Defaults to 1 for all.

        Returns:
            Tensor: Scalar; 0 (with zero gradients) if all weights are 0.
        """
        if keypoint_weights is None:
            keypoint_weights = scores.new_ones(scores.shape[:2])
        shapes = [x.shape[:2] for x in (cells, keypoint_weights)]
        if cells.shape != cell_weights.shape or any(
            shape != scores.shape[:2] for shape in shapes
        ):
            raise ValueError(
                f'scores {tuple(scores.shape)}, cells {tuple(cells.shape)}, '
                f'cell_weights {tuple(cell_weights.shape)} and '
                f'keypoint_weights {tuple(keypoint_weights.shape)} must be '
                "(B, K, H, W), twice (B, K, C), and (B, K): the head's "
                'out_channels must equal the number of keypoints of the data.'
            )
        with torch.autocast(scores.device.type, enabled=False):
            # a masked map may hold inf or nan, and 0 * inf is nan: fill it
            masked = (keypoint_weights == 0)[..., None, None]
            maps = soft_maps(scores.masked_fill(masked, 0), self.beta)
            found = mean_position(maps)
            width = scores.shape[-1]
            columns_and_rows = torch.stack((cells % width, cells // width), -1)
            weights = cell_weights.to(found.dtype)
            truth = (weights[..., None] * columns_and_rows).sum(-2)
            error = (found - truth).square().sum(-1)
            mask = keypoint_weights.to(found.dtype)
            total = mask.sum()
            mean = (mask * error).sum() / torch.where(total > 0, total, 1)
            return self.loss_weight * mean
