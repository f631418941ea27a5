"""Head of a Recombinator Network: one convolution to score maps (eq. 2 and 3)."""

from __future__ import annotations

import torch.nn as nn
from mmpose.utils.typing import ConfigType, OptConfigType
from torch import Tensor

from ...registry import MODELS
from .score_map_head import ScoreMapHead, keep_size


@MODELS.register_module()
class SpatialSoftmaxHead(ScoreMapHead):
    """One linear convolution to K score maps, each a softmax over positions.

    Args:
        in_channels (int): Channels of the last feature map.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size: 3 for the paper's 5 keypoints, 1
            for its 68. Defaults to 3.
        loss (dict, optional): Config of the loss. Defaults to
            ``rcn_mmpose.SpatialCrossEntropyLoss``.
        decoder (dict, optional): Config of the codec that decodes probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation; by default small normal
            weights, so that training starts from a nearly flat distribution.

    Raises:
        ValueError: If ``kernel_size`` is even.
    """

    in_channels: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        loss: ConfigType | None = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, init_cfg)
        self.in_channels = in_channels
        self.last_conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, padding=keep_size(kernel_size)
        )

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Turn features into score maps.

        Args:
            feats (tuple[Tensor]): Features; the last map is used:
                (B, in_channels, H, W).

        Returns:
            Tensor: Score maps (before the softmax) of shape (B, K, H, W).
        """
        return self.last_conv(feats[-1])
