"""Recombinator neck: the branches of an RCN over any pyramid (paper, eq. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS
from ..branches import build_branches, recombine


@MODELS.register_module()
class Recombinator(BaseModule):
    """The branches of a Recombinator Network over any pyramid (eq. 3).

    This neck takes backbones that return several maps, finest first, as
    MMPose's backbones do with ``out_indices``. A map that is not half the
    size of the finer map is tiled until it covers the finer map, and cropped.

    Args:
        in_channels (Sequence[int]): Channels of each map, finest first.
        branches (Sequence): For each map the layers of its branch, each a
            pair (output channels, kernel size); or the layers of one branch,
            used for every map. Defaults to two convolutions of 64 channels,
            5x5 and 1x1, as in the paper's network for 68 keypoints.
        skip (bool): Whether a branch reads the results of all coarser
            branches instead of one (section 3.2). Defaults to False.
        init_cfg (dict, optional): Initialisation; by default He's.

    Raises:
        ValueError: If a kernel is even, a branch has no layer, the numbers of
            maps and branches differ, or the maps do not go from fine to
            coarse.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        branches: Sequence = ((64, 5), (64, 1)),
        skip: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', a=0))
        if branches and branches[0] and isinstance(branches[0][0], int):
            branches = [branches] * len(in_channels)
        if len(branches) != len(in_channels) or not all(branches):
            raise ValueError(
                f'branches of {[len(b) for b in branches]} layers for '
                f'{len(in_channels)} maps; give each map at least one layer.'
            )
        self.in_channels = tuple(in_channels)
        self.skip = skip
        self.branches, self.out_channels = build_branches(in_channels, branches, skip)

    def forward(self, pyramid: Sequence[Tensor]) -> tuple[Tensor]:
        """Recombine a pyramid.

        Args:
            pyramid (Sequence[Tensor]): Maps (B, C, h, w), finest first.

        Returns:
            tuple[Tensor]: One map (B, out_channels, H, W) with the H and W of
            the first.
        """
        found = tuple(x.shape[1] for x in pyramid)
        if found != self.in_channels:
            raise ValueError(
                f'Recombinator got maps of {found} channels instead of '
                f"{self.in_channels}; set in_channels and the backbone's "
                'out_indices to each other.'
            )
        return (recombine(self.branches, pyramid, self.skip),)
