"""RefineNet neck: multi-path refinement of a pyramid.

Source: Lin, Milan, Shen and Reid, RefineNet: Multi-Path Refinement Networks
for High-Resolution Semantic Segmentation, CVPR 2017, arXiv 1611.06612;
"release" below is the code published with that paper. Each detail is either
checked or our own choice:

- Checked against summaries of the paper and the settings of the release: a
  block takes one level of the pyramid and the result of the next coarser
  block; residual units of ReLU, 3x3, ReLU, 3x3 without batch normalisation;
  two units on each path; a 3x3 convolution to a common width and a sum at the
  finer size; one ReLU before the chained pooling; poolings of 5x5 cells with
  stride 1, each followed by a convolution; a chain of two (the release also
  names four); one unit after the chain, as in the paper's figure.
- Checked, and different here: the release first convolves each level to 512
  channels (coarsest) or 256 (others), this neck keeps the channels of the
  level in the units; the release fuses at the smallest width of the paths,
  here the width is an argument; the release leaves the only path of the
  coarsest block unchanged, here it is convolved to the width of the block;
  the release also has a variant with the convolution before each pooling.
- Our own choice: bilinear interpolation with ``align_corners=False`` for the
  upsampling; He's initialisation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """Make a 3x3 convolution that keeps the size of a map."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


class ResidualConvUnit(nn.Module):
    """Residual unit: ReLU, 3x3, ReLU, 3x3, added to the input.

    Args:
        channels (int): Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels)
        self.conv2 = _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Refine maps (B, channels, h, w)."""
        return x + self.conv2(self.conv1(x.relu()).relu())


class ChainedResidualPooling(nn.Module):
    """Chained residual pooling: a ReLU, then poolings whose results are added.

    Args:
        channels (int): Channels of input and output.
        stages (int): Length of the chain.
    """

    def __init__(self, channels: int, stages: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv(channels, channels) for _ in range(stages))

    def forward(self, x: Tensor) -> Tensor:
        """Gather context in maps (B, channels, h, w)."""
        x = total = x.relu()
        for conv in self.convs:
            x = conv(F.max_pool2d(x, 5, stride=1, padding=2))
            total = total + x
        return total


class RefineBlock(nn.Module):
    """One block of the cascade, with one path or two.

    Args:
        in_channels (Sequence[int]): Channels of each path, finest first.
        channels (int): Channels of the result.
        pool_stages (int): Length of the pooling chain.
    """

    def __init__(
        self, in_channels: Sequence[int], channels: int, pool_stages: int
    ) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.Sequential(
                ResidualConvUnit(width),
                ResidualConvUnit(width),
                _conv(width, channels),
            )
            for width in in_channels
        )
        self.pooling = ChainedResidualPooling(channels, pool_stages)
        self.output = ResidualConvUnit(channels)

    def forward(self, *paths: Tensor) -> Tensor:
        """Fuse the paths at the size of the first."""
        size = paths[0].shape[-2:]
        parts = [path(x) for path, x in zip(self.paths, paths, strict=True)]
        fused = sum(
            (
                x
                if x.shape[-2:] == size
                else F.interpolate(x, size, mode='bilinear', align_corners=False)
                for x in parts
            ),
            start=paths[0].new_zeros(()),
        )
        return self.output(self.pooling(fused))


@MODELS.register_module()
class RefineNet(BaseModule):
    """A cascade of refinement blocks from the coarsest level to the finest.

    Each block takes one level of a pyramid and the result of the coarser
    block: two residual convolution units on each path, a 3x3 convolution to a
    common width, the sum at the finer size (bilinear upsampling), chained
    residual pooling (5x5 pooling, 3x3 convolution), and one more residual
    unit. The docstring of :mod:`rcn_mmpose.models.necks.refinenet` says which
    details are those of the paper and which are our own.

    Args:
        in_channels (Sequence[int]): Channels of each map of the pyramid,
            finest first.
        channels (Sequence[int]): Channels of each block, finest first.
        pool_stages (int): Length of the pooling chain. Defaults to 2.
        init_cfg (dict, optional): Initialisation; by default He's.

    Raises:
        ValueError: If there is not one block a map, or (in ``forward``) the
            maps do not match ``in_channels``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: Sequence[int],
        pool_stages: int = 2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', a=0))
        if len(channels) != len(in_channels):
            raise ValueError(
                f'channels={tuple(channels)} for {len(in_channels)} maps; '
                'give one width a map.'
            )
        self.in_channels = tuple(in_channels)
        self.out_channels = channels[0]
        # the block of the coarsest level has one path only
        paths = zip(in_channels, [*channels[1:], None], strict=True)
        self.blocks = nn.ModuleList(
            RefineBlock([c for c in widths if c], width, pool_stages)
            for widths, width in zip(paths, channels, strict=True)
        )

    def forward(self, pyramid: Sequence[Tensor]) -> tuple[Tensor]:
        """Refine a pyramid.

        Args:
            pyramid (Sequence[Tensor]): Maps (B, C, h, w), finest first.

        Returns:
            tuple[Tensor]: One map (B, channels[0], H, W) with the H and W of
            the first.
        """
        found = tuple(x.shape[1] for x in pyramid)
        if found != self.in_channels:
            raise ValueError(
                f'RefineNet got maps of {found} channels instead of '
                f"{self.in_channels}; set in_channels and the backbone's "
                'levels to each other.'
            )
        paths: list[Tensor] = []  # result of the coarser block, if any
        for block, level in reversed(list(zip(self.blocks, pyramid, strict=True))):
            paths = [block(level, *paths)]
        return (paths[0],)
