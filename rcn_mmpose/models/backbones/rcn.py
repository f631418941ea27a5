"""Recombinator Network: trunk and branches (paper, section 3.2, eq. 3).

A network of R branches on an input of 80x80::

    level   size   trunk                     branch
      0      80    conv ------------------ concat(trunk 0, up(branch 1)) ...
      1      40    pool, conv ------------ concat(trunk 1, up(branch 2)) ...
      2      20    pool, conv ------------ concat(trunk 2, up(branch 3)) ...
      ...
    R - 1          pool, conv ------------ trunk R-1 alone

Every convolution keeps the size of its map and is followed by a ReLU. The
linear convolution to the score maps belongs to the head.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...registry import MODELS
from ..branches import build_branches, recombine
from .trunk import TRUNKS, Trunk, kept_levels, look_up

# The trunk has one layer (output channels, kernel size) a level, the branches
# one tuple of layers a level; level 0 is the finest. A branch in ``coarsest``
# replaces the branch of its level when this level is the coarsest: the 10x10
# branch has two convolutions only where no coarser branch feeds it.
ARCHITECTURES: dict[str, dict] = {
    # 5 keypoints: Tables 1 to 3. The last convolution is the head's, 3x3.
    'mtfl': dict(
        trunk=TRUNKS['mtfl'],
        branches=(
            ((16, 3),),
            ((32, 3), (16, 3)),
            ((48, 3), (32, 3)),
            ((48, 3),),
            ((48, 3), (48, 3)),
            ((48, 3), (48, 3)),
            ((48, 1), (48, 1)),
        ),
        coarsest={3: ((48, 3), (48, 3))},
    ),
    # 68 keypoints: Table 4. The last convolution is the head's, 1x1.
    '300w': dict(
        trunk=TRUNKS['300w'],
        branches=(
            ((64, 5), (64, 1), (64, 1)),
            ((64, 5), (64, 1)),
            ((64, 5), (64, 1)),
            ((64, 5),),
            ((64, 5), (64, 1)),
            ((64, 5), (64, 1)),
            ((64, 1), (64, 1)),
        ),
        coarsest={3: ((64, 5), (64, 1))},
    ),
}


@MODELS.register_module()
class RCN(Trunk):
    """Recombinator Network without its last convolution (paper, eq. 3).

    The output is one map of features at the resolution of the input, shared
    by all keypoints.
    :class:`~rcn_mmpose.models.heads.spatial_softmax_head.SpatialSoftmaxHead`
    turns the features into score maps.

    A ``mask`` (Table 1) removes branches: the features of the next coarser
    branch are tiled up to the next finer branch, unchanged. Trunk levels
    coarser than every kept branch are removed as well. The last convolution
    stays in the head, at the resolution of the input. If the finest branch is
    masked, the head reads tiled features with the channels of the finest kept
    branch (``out_channels``).

    With ``skip`` (section 3.2, Table 2) a branch reads the results of all
    coarser branches instead of the next one.

    Args:
        num_branches (int): R, from 2 up to the number of levels of ``arch``
            (7); the paper uses 4 to 7. Defaults to 6.
        arch (str | dict): ``'mtfl'`` (16 to 48 channels, 3x3 kernels), or
            ``'300w'`` (64 channels, 5x5 and 1x1 kernels in the branches), or
            a dict with the keys ``trunk``, ``branches`` and optionally
            ``coarsest`` in the form of ``ARCHITECTURES``.
        in_channels (int): Channels of the input. Defaults to 1, grey.
        mask (Sequence[int], optional): R values, 1 for a branch that is kept
            and 0 for a branch that is removed, from the coarsest to the
            finest as in Table 1. Defaults to keeping all.
        skip (bool): Whether there are skip connections. Defaults to False.
        init_cfg (dict, optional): Initialisation; by default He's.

    Raises:
        ValueError: If ``arch``, ``num_branches`` or ``mask`` is not allowed,
            or (in ``forward``) if the input has no pyramid of this depth.
    """

    def __init__(
        self,
        num_branches: int = 6,
        arch: str | dict = 'mtfl',
        in_channels: int = 1,
        mask: Sequence[int] | None = None,
        skip: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        found = look_up(arch, ARCHITECTURES)
        trunk, layers = found['trunk'], list(found['branches'])
        kept = kept_levels(num_branches, len(trunk), mask)
        coarsest = kept[-1]
        layers[coarsest] = found.get('coarsest', {}).get(coarsest, layers[coarsest])
        super().__init__(trunk, coarsest + 1, in_channels, init_cfg)
        self.num_branches = num_branches
        self.skip = skip
        self.branches, self.out_channels = build_branches(
            [channels for channels, _ in trunk[: coarsest + 1]],
            [layers[i] if i in kept else () for i in range(coarsest + 1)],
            skip,
        )

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the features of the finest branch.

        Args:
            x (Tensor): Normalised crops of shape (B, in_channels, H, W).

        Returns:
            tuple[Tensor]: One map of shape (B, out_channels, H, W).
        """
        return (recombine(self.branches, super().forward(x), self.skip),)
