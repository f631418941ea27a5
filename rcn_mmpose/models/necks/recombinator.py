"""Branches that pass coarse features to finer ones (paper, eq. 3)."""

from collections.abc import Sequence

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS
from ..layers import Layer, convs, tile


def build_branches(
    in_channels: Sequence[int],
    layers: Sequence[Sequence[Layer]],
    skip: bool = False,
) -> tuple[nn.ModuleList, int]:
    """Make the branches that :func:`recombine` runs.

    Args:
        in_channels (Sequence[int]): Channels of each level of the pyramid,
            finest first.
        layers (Sequence): The layers of each level's branch; none for a
            branch that is left out.
        skip (bool): See :func:`recombine`.

    Returns:
        tuple[nn.ModuleList, int]: One stack a level, empty where the branch
        is left out, and the channels of the result.
    """
    branches, coarser = [], []  # coarser: channels handed on so far
    for width, stack in reversed(list(zip(in_channels, layers, strict=True))):
        branches.append(convs(width + sum(coarser), stack))
        if stack:
            coarser = [stack[-1][0], *(coarser if skip else ())]
    return nn.ModuleList(reversed(branches)), coarser[0]


def recombine(
    branches: nn.ModuleList, pyramid: Sequence[Tensor], skip: bool = False
) -> Tensor:
    """Run the branches from the coarsest to the finest (eq. 3).

    A branch reads its level of the pyramid and the tiled result of the next
    coarser branch; with ``skip`` those of all coarser branches, each tiled
    up level by level. Past a level whose branch is left out, results are
    tiled up as they are.

    Args:
        branches (nn.ModuleList): From :func:`build_branches`.
        pyramid (Sequence[Tensor]): Maps (B, C, h, w), finest first.
        skip (bool): Whether coarser results skip levels. Defaults to False.

    Returns:
        Tensor: The result of the finest branch, (B, C, H, W) with the H and
        W of the finest level.
    """
    coarser: list[Tensor] = []  # results to hand on, the finest first
    for branch, level in reversed(list(zip(branches, pyramid, strict=True))):
        coarser = [tile(x, level.shape[-2:]) for x in coarser]
        if len(branch):
            out = branch(torch.cat((level, *coarser), dim=1))
            coarser = [out, *(coarser if skip else ())]
    return coarser[0]


@MODELS.register_module()
class Recombinator(BaseModule):
    """The branches of a Recombinator Network over any pyramid (eq. 3).

    A neck for backbones that return several maps, finest first, as MMPose's
    do with ``out_indices``. Where a map is not half the size of the one
    before, it is tiled as often as it takes and cut.

    Args:
        in_channels (Sequence[int]): Channels of each map, finest first.
        branches (Sequence): For each map the layers of its branch, each a
            pair (output channels, kernel size); or the layers of one branch,
            taken for every map. Defaults to two convolutions of 64 channels,
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
