"""Branches of a Recombinator Network (paper, section 3.2, eq. 3).

The backbone :class:`~rcn_mmpose.models.backbones.rcn.RCN` and the neck
:class:`~rcn_mmpose.models.necks.recombinator.Recombinator` share these
functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn as nn
from torch import Tensor

from .layers import Layer, convs, tile


def build_branches(
    in_channels: Sequence[int],
    layers: Sequence[Sequence[Layer]],
    skip: bool = False,
) -> tuple[nn.ModuleList, int]:
    """Build the branches that :func:`~rcn_mmpose.models.branches.recombine` runs.

    Args:
        in_channels (Sequence[int]): Channels of each level of the pyramid,
            finest first.
        layers (Sequence): The layers of each level's branch; an empty
            sequence for a branch that is left out.
        skip (bool): Whether a branch reads the results of all coarser
            branches instead of the next one. Defaults to False.

    Returns:
        tuple[nn.ModuleList, int]: One stack of layers a level, empty where
        the branch is left out, and the channels of the result.
    """
    branches: list[nn.Sequential] = []
    coarser: list[int] = []  # channels of the results passed on so far
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
    coarser branch. With ``skip`` it reads the results of all coarser
    branches, each tiled up level by level. Results pass a level whose branch
    is left out unchanged, tiled up to the size of this level.

    Args:
        branches (nn.ModuleList): Branches from ``build_branches``.
        pyramid (Sequence[Tensor]): Maps (B, C, h, w), finest first.
        skip (bool): As in ``build_branches``. Defaults to False.

    Returns:
        Tensor: The result of the finest branch, (B, C, H, W) with the H and
        W of the finest level.
    """
    coarser: list[Tensor] = []  # results to pass on, the finest first
    stacks = cast(Sequence[nn.Sequential], branches)
    for branch, level in reversed(list(zip(stacks, pyramid, strict=True))):
        coarser = [tile(x, level.shape[-2:]) for x in coarser]
        if len(branch):
            out = branch(torch.cat((level, *coarser), dim=1))
            coarser = [out, *(coarser if skip else ())]
    return coarser[0]
