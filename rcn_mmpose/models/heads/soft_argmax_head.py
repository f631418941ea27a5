"""Soft-argmax head: keypoints as expectations (RCN+: Honari et al., CVPR 2018)."""

from __future__ import annotations

import torch
from mmengine.structures import InstanceData
from mmpose.utils.typing import ConfigType, InstanceList, OptConfigType
from torch import Tensor

from ...codecs import CellIndex
from ...codecs.decoding import mean_position
from ...registry import MODELS
from ..losses.soft_argmax import soft_maps
from .spatial_softmax_head import SpatialSoftmaxHead


@MODELS.register_module()
class SoftArgmaxHead(SpatialSoftmaxHead):
    """Train and predict the soft-argmax of the score maps.

    A keypoint is the mean of all positions, weighted by the softmax of beta
    times its score map. beta is an argument of the loss. The codec gives the
    targets (``target='four'`` is best: it keeps the exact position), the
    stride, and the radius of the scores; its ``decoding`` is not used.

    Args:
        in_channels (int): Channels of the last feature map.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size. Defaults to 3.
        loss (dict): Config of the loss. Defaults to
            ``rcn_mmpose.SoftArgmaxLoss``.
        decoder (dict, optional): Config of ``rcn_mmpose.CellIndex``; needed
            to predict.
        init_cfg (dict, optional): Initialisation; by default small normal
            weights.

    Raises:
        ValueError: If the loss has no ``beta``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        loss: ConfigType | None = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            loss or dict(type='rcn_mmpose.SoftArgmaxLoss'),
            decoder,
            init_cfg,
        )
        if not hasattr(self.loss_module, 'beta'):
            raise ValueError(
                f'the loss {type(self.loss_module).__name__} has no beta; '
                'SoftArgmaxHead goes with rcn_mmpose.SoftArgmaxLoss.'
            )

    def probability_maps(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the softmax of beta times the score maps, (B, K, H, W)."""
        return soft_maps(self.forward(feats), self.loss_module.beta)

    def keypoints(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the positions (B, K, 2) in pixels, with their gradient."""
        return self._pixels(_mean(self.probability_maps(feats)))

    def whole_cells(self, maps: Tensor) -> Tensor:
        """Return the predicted keypoints as whole cells.

        This head predicts the mean of each map, so the whole cell is the one
        that contains the mean, not the most probable cell.

        Args:
            maps (Tensor): Probability maps of shape (B, K, H, W).

        Returns:
            Tensor: Cells (x, y), int64 of shape (B, K, 2).
        """
        return (_mean(maps.detach()) + 0.5).floor().long()

    def decode(self, batch_outputs: Tensor) -> InstanceList:
        """Decode probability maps (B, K, H, W) into keypoints and scores."""
        maps = batch_outputs.detach()
        cells = _mean(maps)
        keypoints = self._pixels(cells)[:, None].cpu().numpy()
        scores = self._codec().scores(maps, cells)[:, None].cpu().numpy()
        return [
            InstanceData(keypoints=points, keypoint_scores=score)
            for points, score in zip(keypoints, scores, strict=True)
        ]

    def _pixels(self, cells: Tensor) -> Tensor:
        """Turn positions in cells into pixels of the crop."""
        stride = self._codec().stride
        return cells * stride + (stride - 1) / 2

    def _codec(self) -> CellIndex:
        """Return the decoder.

        Raises:
            RuntimeError: If there is none.
        """
        if self.decoder is None:
            raise RuntimeError(
                'SoftArgmaxHead has no decoder; give it the codec of the '
                'training pipeline, decoder=dict(type='
                "'rcn_mmpose.CellIndex', ...)."
            )
        return self.decoder


def _mean(maps: Tensor) -> Tensor:
    """Return the mean position of each map, in the precision of the maps."""
    with torch.autocast(maps.device.type, enabled=False):
        return mean_position(maps)
