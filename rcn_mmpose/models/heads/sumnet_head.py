"""SumNet head: weighted sum of the branches' score maps (section 3.1, eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
from mmpose.utils.typing import ConfigType, OptConfigType
from torch import Tensor

from ...registry import MODELS
from ..layers import tile
from .score_map_head import ScoreMapHead, keep_size


@MODELS.register_module()
class SumNetHead(ScoreMapHead):
    """Score maps of each branch, tiled up, weighted and added (eq. 1).

    Each branch has one linear convolution to K maps. Eq. 1 calls its weights
    alpha a matrix over positions; the default of the 2016 release is one
    number for each branch and keypoint. This head has both. The initial
    values are drawn from [0, 1), as in the 2016 release.

    Where the finest branch is masked and alpha is one number, the sum is
    constant over tiles of 2x2 cells or more. The whole tile then counts as
    the prediction: the keypoint is the centre of the tile. On the 2,995 AFLW
    faces even the right tile of 8x8 for every keypoint gives an error of
    11.97 % by the protocol of whole cells. Table 1's 10.54 % for mask 1000
    lies below 11.97 % and is no target. Probably the masked branches of the
    2016 release stay in its sum with random weights, which tell the cells of
    a tile apart.

    Args:
        in_channels (Sequence[int]): Channels of each branch's features,
            finest first.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size. Defaults to 3.
        map_size (tuple, optional): Width and height of the score maps.
            Defaults to the size of the first feature map.
        weight_per_pixel (bool): Whether alpha has a number for each branch,
            keypoint and position; needs ``map_size``. Defaults to False.
        loss (dict, optional): Config of the loss. Defaults to
            ``rcn_mmpose.SpatialCrossEntropyLoss``.
        decoder (dict, optional): Config of the codec that decodes probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation of the convolutions; by
            default small normal weights.

    Raises:
        ValueError: If ``kernel_size`` is even, ``weight_per_pixel`` is set
            without ``map_size``, or (in ``forward``) if the feature maps do
            not match ``in_channels``.
    """

    in_channels: tuple[int, ...]

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel_size: int = 3,
        map_size: tuple[int, int] | None = None,
        weight_per_pixel: bool = False,
        loss: ConfigType | None = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, init_cfg)
        padding = keep_size(kernel_size)
        size = (1, 1)
        if weight_per_pixel:
            if map_size is None:
                raise ValueError(
                    'weight_per_pixel=True needs map_size=(width, height), the '
                    'size of the score maps.'
                )
            size = (map_size[1], map_size[0])
        self.in_channels = tuple(in_channels)
        self.map_size = map_size
        self.last_conv = nn.ModuleList(
            nn.Conv2d(width, out_channels, kernel_size, padding=padding)
            for width in in_channels
        )
        self.alpha = nn.Parameter(torch.rand(len(in_channels), out_channels, *size))

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Turn the features of all branches into score maps.

        Args:
            feats (tuple[Tensor, ...]): One map a branch, finest first.

        Returns:
            Tensor: Score maps (before the softmax) of shape (B, K, H, W).
        """
        found = tuple(x.shape[1] for x in feats)
        if found != self.in_channels:
            raise ValueError(
                f'SumNetHead got features of {found} channels instead of '
                f'in_channels={self.in_channels}; give one entry a branch '
                'that the mask keeps, finest first.'
            )
        size: Sequence[int] = feats[0].shape[-2:]
        if self.map_size is not None:
            size = self.map_size[::-1]
        weighted = (
            weight * tile(conv(x), size)
            for weight, conv, x in zip(self.alpha, self.last_conv, feats, strict=True)
        )
        return sum(weighted, start=feats[0].new_zeros(()))
