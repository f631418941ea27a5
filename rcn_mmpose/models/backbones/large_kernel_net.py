"""Backbone of the denoiser: convolutions with large kernels (paper, section 4)."""

from __future__ import annotations

import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS
from ..large_kernels.large_conv import LargeConv2d, OneHotConv2d


@MODELS.register_module()
class LargeKernelNet(BaseModule):
    """The denoiser without its last, 1x1 convolution (paper, section 4).

    The kernels are large enough to see the neighbouring keypoints. Each
    convolution is followed by a ReLU; there is no subsampling. The paper
    gives no sizes; the defaults are the settings of the 2016 release (25.4
    million parameters with the last convolution for 68 keypoints, 163 GMAC a
    face if convolved directly).

    Args:
        in_channels (int): K, the number of keypoints.
        channels (int): Channels of every convolution. Defaults to 64.
        num_convs (int): Number of convolutions. Defaults to 3.
        kernel_size (int): Odd side of the kernels. Defaults to 45.
        input_size (tuple): Width and height of the maps. Defaults to
            (80, 80).
        init_cfg (dict, optional): Initialisation. The default keeps the
            variance of the features: He's for all layers but the first. The
            first layer adds one number a keypoint instead of K * k * k
            products, so it has its own variance.

    Raises:
        ValueError: If ``kernel_size`` is even, or (in ``forward``) if a map
            is not one-hot or has another size.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 64,
        num_convs: int = 3,
        kernel_size: int = 45,
        input_size: tuple[int, int] = (80, 80),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(
            init_cfg
            or [
                dict(type='Kaiming', layer='LargeConv2d', a=0),
                dict(
                    type='Normal',
                    layer='OneHotConv2d',
                    std=(2 / in_channels) ** 0.5,
                ),
            ]
        )
        self.in_channels = in_channels
        self.out_channels = channels
        self.input_size = tuple(input_size)
        layers: list[LargeConv2d] = [
            OneHotConv2d(in_channels, channels, kernel_size, input_size)
        ]
        for _ in range(num_convs - 1):
            layers.append(LargeConv2d(channels, channels, kernel_size, input_size))
        self.convs = nn.ModuleList(layers)

    def forward(self, maps: Tensor) -> tuple[Tensor]:
        """Compute the features of keypoints.

        Args:
            maps (Tensor): One-hot maps of shape (B, in_channels, H, W).

        Returns:
            tuple[Tensor]: One map of shape (B, out_channels, H, W).
        """
        for conv in self.convs:
            maps = conv(maps).relu_()
        return (maps,)
