"""The trunk that all networks of the paper share (section 3.1).

On an input of 80x80::

    level   size   layers                  output
      0      80    conv                    T of the finest resolution
      1      40    pool, conv
      2      20    pool, conv
      3      10    pool, conv
      ...                                  T of the coarsest

Every convolution keeps the size of its map and is followed by a ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS
from ..layers import Layer, convs, pool, pyramid

# One layer a level; level 0 is the finest.
TRUNKS: dict[str, tuple[Layer, ...]] = {
    # 5 keypoints: Tables 1 to 3
    'mtfl': ((16, 3), (32, 3), (48, 3), (48, 3), (48, 3), (48, 3), (48, 1)),
    # 68 keypoints: Table 4
    '300w': ((64, 3),) * 6 + ((64, 1),),
}


def look_up(arch: str | Mapping, known: Mapping[str, Mapping]) -> Mapping:
    """Return the layers of an architecture given by its name or as a dict.

    Raises:
        ValueError: If the name is unknown, or a dict does not have one trunk
            layer and one branch a level.
    """
    if isinstance(arch, str):
        if arch not in known:
            raise ValueError(
                f'arch={arch!r} is unknown; choose one of {sorted(known)} or '
                'give a dict with "trunk" and "branches".'
            )
        arch = known[arch]
    levels, branches = len(arch['trunk']), len(arch['branches'])
    if levels != branches or not all(arch['branches']):
        raise ValueError(
            f'arch has {levels} trunk layers and {branches} branches of '
            f'{[len(b) for b in arch["branches"]]} layers; give one trunk '
            'layer and one branch per level.'
        )
    return arch


def kept_levels(num_branches: int, most: int, mask: Sequence[int] | None) -> list[int]:
    """Return the levels whose branches a network has, finest first.

    Args:
        num_branches (int): R, the number of branches without a mask.
        most (int): Largest number of branches of the architecture.
        mask (Sequence[int], optional): As in Table 1: R values, 1 for a
            branch that is kept and 0 for a branch that is removed, from the
            coarsest to the finest. Defaults to keeping all.

    Raises:
        ValueError: If ``num_branches`` is not from 2 to ``most``, or the mask
            does not have R zeros and ones with at least one 1.
    """
    if not 2 <= num_branches <= most:
        raise ValueError(
            f'num_branches={num_branches} is not possible; this arch has 2 '
            f'to {most} branches.'
        )
    if mask is None:
        return list(range(num_branches))
    if len(mask) != num_branches or not set(mask) <= {0, 1}:
        raise ValueError(
            f'mask={tuple(mask)} does not fit {num_branches} branches; give '
            f'{num_branches} values of 0 or 1, from the coarsest branch to '
            'the finest.'
        )
    kept = [i for i, keep in enumerate(reversed(mask)) if keep]
    if not kept:
        raise ValueError(
            f'mask={tuple(mask)} removes every branch; keep at least one by a 1.'
        )
    return kept


@MODELS.register_module()
class Trunk(BaseModule):
    """Trunk without branches: the pyramid T of eq. 1 and 3.

    This class is the base of :class:`~rcn_mmpose.models.backbones.rcn.RCN`
    and :class:`~rcn_mmpose.models.backbones.sumnet.SumNet`. By itself it is
    the backbone for necks and heads that combine the levels in another way.

    Args:
        layers (str | Sequence): One layer (output channels, kernel size) a
            level, finest first, or the name of one of ``TRUNKS``.
            Defaults to ``'mtfl'``.
        num_levels (int, optional): Number of levels, from the finest.
            Defaults to all.
        in_channels (int): Channels of the input. Defaults to 1, grey.
        init_cfg (dict, optional): Initialisation; by default He's.

    Raises:
        ValueError: If a value is not allowed, or (in ``forward``) if the
            input has no pyramid of this depth.
    """

    def __init__(
        self,
        layers: str | Sequence[Layer] = 'mtfl',
        num_levels: int | None = None,
        in_channels: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', a=0))
        if isinstance(layers, str):
            if layers not in TRUNKS:
                raise ValueError(
                    f'layers={layers!r} is unknown; choose one of '
                    f'{sorted(TRUNKS)} or give (channels, kernel) a level.'
                )
            layers = TRUNKS[layers]
        if num_levels is None:
            num_levels = len(layers)
        if not 1 <= num_levels <= len(layers):
            raise ValueError(
                f'num_levels={num_levels} is not possible with layers for 1 '
                f'to {len(layers)} levels.'
            )
        self.in_channels = in_channels
        widths = [in_channels, *(channels for channels, _ in layers)]
        self.trunk = nn.ModuleList(
            convs(widths[i], [layers[i]]) for i in range(num_levels)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the pyramid of features.

        Args:
            x (Tensor): Normalised crops of shape (B, in_channels, H, W).

        Returns:
            tuple[Tensor, ...]: One map a level, finest first: (B, C, H, W),
            (B, C', H / 2, W / 2) and so on.
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'{type(self).__name__} got an input of shape '
                f'{tuple(x.shape)}; it takes (B, {self.in_channels}, H, W). '
                f'Load the images with {self.in_channels} channel(s) or set '
                'in_channels.'
            )
        for side in x.shape[-2:]:
            pyramid(side, len(self.trunk))
        features = []
        for level, stage in enumerate(self.trunk):
            x = stage(x if level == 0 else pool(x))
            features.append(x)
        return tuple(features)
