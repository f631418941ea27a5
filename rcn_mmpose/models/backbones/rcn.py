"""Recombinator Network: trunk and branches (paper, section 3.2, eq. 3).

A network of R branches on an input of 80x80::

    level   size   trunk                     branch
      0      80    conv ------------------ concat(trunk 0, up(branch 1)) ...
      1      40    pool, conv ------------ concat(trunk 1, up(branch 2)) ...
      2      20    pool, conv ------------ concat(trunk 2, up(branch 3)) ...
      ...
    R - 1          pool, conv ------------ trunk R-1 alone

Every convolution keeps the size of its map and is followed by a ReLU; the
linear convolution to the score maps belongs to the head.
"""

from collections.abc import Sequence
from itertools import chain

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS

Layer = tuple[int, int]  # (output channels, kernel size)

# One layer a level for the trunk, one tuple of layers a level for the
# branches; level 0 is the finest. A branch of ``coarsest`` replaces the one
# of its level when that level is the coarsest: the 10x10 branch has two
# convolutions only where nothing coarser feeds it.
ARCHITECTURES: dict[str, dict] = {
    # 5 keypoints: Tables 1 to 3. The last convolution is the head's, 3x3.
    'mtfl': dict(
        trunk=((16, 3), (32, 3), (48, 3), (48, 3), (48, 3), (48, 3), (48, 1)),
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
        trunk=((64, 3),) * 6 + ((64, 1),),
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


def pyramid(size: int, num_levels: int) -> list[int]:
    """Return the sides of the maps of all levels, finest first.

    Args:
        size (int): Height or width of the input in pixels.
        num_levels (int): Number of branches.

    Raises:
        ValueError: If ``size`` has no consistent pyramid.
    """
    sides = _halve(size, num_levels)
    if len(sides) < num_levels:
        reach = 2 ** (num_levels - 1)
        near = [
            n
            for n in range(max(1, size - reach), size + reach + 1)
            if len(_halve(n, num_levels)) == num_levels
        ]
        near.sort(key=lambda n: abs(n - size))
        raise ValueError(
            f'an input side of {size} px has no pyramid of {num_levels} '
            f'levels: after {" -> ".join(map(str, sides))} comes no half '
            '(only even sides have one, and 5 -> 2). Use '
            f'{" or ".join(map(str, near[:2]))} px, or fewer branches.'
        )
    return sides


def _halve(size: int, num_levels: int) -> list[int]:
    """Pool a side as often as it goes, at most ``num_levels - 1`` times."""
    sides = [size]
    while len(sides) < num_levels and (
        sides[-1] == 5 or (sides[-1] > 0 and sides[-1] % 2 == 0)
    ):
        sides.append(sides[-1] // 2)
    return sides


def pool(x: Tensor) -> Tensor:
    """Max-pool to the next level: 2x2, or 3x3 along a side of 5."""
    kernel = [3 if side % 2 else 2 for side in x.shape[-2:]]
    return F.max_pool2d(x, kernel, stride=2)


def tile(x: Tensor, size: Sequence[int]) -> Tensor:
    """Upsample by repeating cells (paper, footnote 3) up to ``size``.

    A side is repeated twice, or three times and cut by one where 2 becomes 5.

    Args:
        x (Tensor): Maps of shape (B, C, h, w).
        size (Sequence[int]): Height and width wanted.
    """
    height, width = size
    # -(-a // b) rounds up
    factor = (-(-height // x.shape[-2]), -(-width // x.shape[-1]))
    up = F.interpolate(
        x,
        size=(x.shape[-2] * factor[0], x.shape[-1] * factor[1]),
        mode='nearest',
    )
    return up[..., :height, :width]


@MODELS.register_module()
class RCN(BaseModule):
    """Recombinator Network without its last convolution (paper, eq. 3).

    The output are features at the resolution of the input, common to all
    keypoints; :class:`SpatialSoftmaxHead` turns them into score maps.

    Args:
        num_branches (int): R, from 2 up to the number of levels of ``arch``
            (7); the paper uses 4 to 7. Defaults to 6.
        arch (str | dict): ``'mtfl'`` (16 to 48 channels, 3x3 kernels), or
            ``'300w'`` (64 channels, 5x5 and 1x1 kernels in the branches), or
            a dict with the keys ``trunk``, ``branches`` and optionally
            ``coarsest`` in the form of :data:`ARCHITECTURES`.
        in_channels (int): Channels of the input. Defaults to 1, grey.
        init_cfg (dict, optional): Initialisation; by default He's.

    Raises:
        ValueError: If ``arch`` or ``num_branches`` is not one of the above,
            or (in ``forward``) if the input has no pyramid of this depth.
    """

    def __init__(
        self,
        num_branches: int = 6,
        arch: str | dict = 'mtfl',
        in_channels: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', a=0))
        if isinstance(arch, str):
            if arch not in ARCHITECTURES:
                raise ValueError(
                    f'arch={arch!r} is unknown; choose one of '
                    f'{sorted(ARCHITECTURES)} or give a dict with "trunk" '
                    'and "branches".'
                )
            arch = ARCHITECTURES[arch]
        trunk, branches = arch['trunk'], list(arch['branches'])
        kernels = {kernel for _, kernel in chain(trunk, *branches)}
        if any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(
                f'arch has kernels {sorted(kernels)}; only odd ones keep the '
                'size of a map.'
            )
        if len(trunk) != len(branches):
            raise ValueError(
                f'arch has {len(trunk)} trunk layers and {len(branches)} '
                'branches; give one of each per level.'
            )
        if not 2 <= num_branches <= len(trunk):
            raise ValueError(
                f'num_branches={num_branches} is not possible; this arch has '
                f'2 to {len(trunk)} branches.'
            )
        coarsest = num_branches - 1
        branches[coarsest] = arch.get('coarsest', {}).get(
            coarsest, branches[coarsest]
        )

        self.num_branches = num_branches
        self.in_channels = in_channels
        self.trunk = nn.ModuleList()
        self.branches = nn.ModuleList()
        for level in range(num_branches):
            before = in_channels if level == 0 else trunk[level - 1][0]
            self.trunk.append(_convs(before, trunk[level : level + 1]))
            width = trunk[level][0]
            if level < coarsest:
                width += branches[level + 1][-1][0]
            self.branches.append(_convs(width, branches[level]))
        self.out_channels = branches[0][-1][0]

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the features of the finest branch.

        Args:
            x (Tensor): Normalised crops of shape (B, in_channels, H, W).

        Returns:
            tuple[Tensor]: One map of shape (B, out_channels, H, W).
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'RCN got an input of shape {tuple(x.shape)}; it takes '
                f'(B, {self.in_channels}, H, W). Load the pictures with '
                f'{self.in_channels} channel(s) or set in_channels.'
            )
        for side in x.shape[-2:]:
            pyramid(side, self.num_branches)

        features = []
        for level, stage in enumerate(self.trunk):
            x = stage(x if level == 0 else pool(x))
            features.append(x)

        out = self.branches[-1](features[-1])
        for level in range(self.num_branches - 2, -1, -1):
            fine = features[level]
            up = tile(out, fine.shape[-2:])
            out = self.branches[level](torch.cat((fine, up), dim=1))
        return (out,)


def _convs(in_channels: int, layers: Sequence[Layer]) -> nn.Sequential:
    """Stack size-keeping convolutions, each followed by a ReLU."""
    convs = []
    for channels, kernel in layers:
        convs.append(
            ConvModule(in_channels, channels, kernel, padding=kernel // 2)
        )
        in_channels = channels
    return nn.Sequential(*convs)
