"""Summation-based network: trunk and branches (paper, section 3.1, eq. 1).

A network of R branches on an input of 80x80. The head has the last, linear
convolution of each branch, tiles the maps up and adds them::

    level   size   trunk              branch      head
      0      80    conv ------------- conv ------ conv ---------------
      1      40    pool, conv ------- conv ------ conv, tile x 2 -----
      2      20    pool, conv ------- conv ------ conv, tile x 4 -----  sum
      ...
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn as nn
from torch import Tensor

from ...registry import MODELS
from ..layers import convs
from .trunk import TRUNKS, Trunk, kept_levels, look_up

# As for the RCN, the trunk has one layer (output channels, kernel size) a
# level, the branches one tuple of layers a level; level 0 is the finest.
ARCHITECTURES: dict[str, dict] = {
    'mtfl': dict(
        trunk=TRUNKS['mtfl'][:6],
        branches=tuple((layer,) for layer in TRUNKS['mtfl'][:6]),
    ),
    '300w': dict(
        trunk=TRUNKS['300w'][:6],
        branches=(((64, 3),) * 3,) + (((64, 3),),) * 5,
    ),
}


@MODELS.register_module()
class SumNet(Trunk):
    """SumNet without the last convolution of each branch (paper, eq. 1).

    :class:`~rcn_mmpose.models.heads.sumnet_head.SumNetHead` has the last
    convolutions and the weighted sum of eq. 1. As in the paper's Figure 1,
    every convolution here is followed by a ReLU. (In the 2016 release the
    second of the four convolutions in the finest branch for 68 keypoints has
    no ReLU.)

    Args:
        num_branches (int): R, from 2 up to the number of levels of ``arch``
            (6); the paper uses 4 to 6. Defaults to 5.
        arch (str | dict): ``'mtfl'`` (16 to 48 channels), or ``'300w'`` (64
            channels, two more convolutions in the finest branch), or a dict
            with the keys ``trunk`` and ``branches`` in the form of
            ``ARCHITECTURES``.
        in_channels (int): Channels of the input. Defaults to 1, grey.
        mask (Sequence[int], optional): R values, 1 for a branch that is kept
            and 0 for a branch that is removed, from the coarsest to the
            finest as in Table 1. A removed branch has no weights, gives no
            features and has no part in the sum. Defaults to keeping all.
        init_cfg (dict, optional): Initialisation; by default He's.

    Raises:
        ValueError: If ``arch``, ``num_branches`` or ``mask`` is not allowed,
            or (in ``forward``) if the input has no pyramid of this depth.
    """

    def __init__(
        self,
        num_branches: int = 5,
        arch: str | dict = 'mtfl',
        in_channels: int = 1,
        mask: Sequence[int] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        found = look_up(arch, ARCHITECTURES)
        trunk, layers = found['trunk'], found['branches']
        self.kept = kept_levels(num_branches, len(trunk), mask)
        super().__init__(trunk, self.kept[-1] + 1, in_channels, init_cfg)
        self.num_branches = num_branches
        self.branches = nn.ModuleList(convs(trunk[i][0], layers[i]) for i in self.kept)
        self.out_channels = tuple(layers[i][-1][0] for i in self.kept)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features of each branch.

        Args:
            x (Tensor): Normalised crops of shape (B, in_channels, H, W).

        Returns:
            tuple[Tensor, ...]: One map for each kept branch, finest first, at
            the resolution of its level: (B, C, H, W), (B, C', H / 2, W / 2)
            and so on.
        """
        features = super().forward(x)
        return tuple(
            branch(features[level])
            for level, branch in zip(self.kept, self.branches, strict=True)
        )
