"""Weighted sum of the branches' score maps (paper, section 3.1, eq. 1)."""

from collections.abc import Sequence

import torch
import torch.nn as nn
from mmpose.utils.typing import ConfigType, OptConfigType
from torch import Tensor

from ...registry import MODELS
from ..layers import tile
from .spatial_softmax_head import SpatialSoftmaxHead


@MODELS.register_module()
class SumNetHead(SpatialSoftmaxHead):
    """Score maps of each branch, tiled up, weighted and added (eq. 1).

    Each branch has one linear convolution to K maps. Eq. 1 calls its weights
    alpha a matrix over positions; the authors' code has one number for each
    branch and keypoint unless told otherwise. Both are here, drawn from
    [0, 1) at the start as in that code.

    Where the finest branch is masked and alpha is one number, the sum is
    constant over tiles of 2x2 cells and more. A tile counts as a whole then:
    its keypoint is its centre. On the 2,995 AFLW faces even the right tile of
    8x8 for every keypoint gives an error of 11.97 % by the protocol of cells.
    Table 1's 10.54 % for mask 1000 lies below that and is no target; probably
    the masked branches of the authors' code stay in its sum, with their
    random weights, and so tell the cells of a tile apart.

    Args:
        in_channels (Sequence[int]): Channels of each branch's features,
            finest first.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size. Defaults to 3.
        map_size (tuple, optional): Width and height of the score maps.
            Defaults to those of the first feature map.
        weight_per_pixel (bool): Whether alpha has a number for each branch,
            keypoint and position; needs ``map_size``. Defaults to False.
        loss (dict): Config of the loss.
        decoder (dict, optional): Config of the codec that turns probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation of the convolutions; by
            default small normal weights.

    Raises:
        ValueError: If ``weight_per_pixel`` is set without ``map_size``, or
            (in ``forward``) if the feature maps are not those expected.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel_size: int = 3,
        map_size: tuple[int, int] | None = None,
        weight_per_pixel: bool = False,
        loss: ConfigType = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(
            in_channels[0], out_channels, kernel_size, loss, decoder, init_cfg
        )
        if weight_per_pixel and map_size is None:
            raise ValueError(
                'weight_per_pixel=True needs map_size=(width, height), the '
                'size of the score maps.'
            )
        self.in_channels = tuple(in_channels)
        self.map_size = map_size
        padding = kernel_size // 2
        self.last_conv = nn.ModuleList(
            nn.Conv2d(width, out_channels, kernel_size, padding=padding)
            for width in in_channels
        )
        size = tuple(map_size)[::-1] if weight_per_pixel else (1, 1)
        self.alpha = nn.Parameter(torch.rand(len(in_channels), out_channels, *size))

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Turn the branches' features into score maps.

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
        size = feats[0].shape[-2:]
        if self.map_size is not None:
            size = tuple(self.map_size)[::-1]
        return sum(
            weight * tile(conv(x), size)
            for weight, conv, x in zip(self.alpha, self.last_conv, feats, strict=True)
        )
