"""TCDCN backbone (Zhang et al., ECCV 2014): the baseline of Table 3."""

from __future__ import annotations

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS

SIDE = 40
# (output channels, kernel size); a pooling follows each of the first three.
# The last one covers the whole map: it is the fully connected layer.
LAYERS = ((16, 5), (48, 3), (64, 3), (64, 2), (100, 2))
NUM_POOLINGS = 3


@MODELS.register_module()
class TCDCN(BaseModule):
    """Four convolutions and a fully connected layer, no coarse-to-fine path.

    The convolutions have no padding. Each is followed by the absolute value
    of tanh, the first three also by a pooling of 2x2, so the maps have
    40 -> 36 -> 18 -> 16 -> 8 -> 6 -> 3 -> 2 -> 1 cells a side. MMPose's
    ``RegressionHead`` with ``in_channels=100`` turns the features into
    coordinates: 78,246 parameters in all for 5 keypoints.

    Layers and activation follow our memory of the TCDCN paper and were not
    checked against its text. The auxiliary tasks of the paper (gender, smile,
    glasses, pose) are left out. The settings behind the TCDCN numbers in the
    RCN paper (7.60 % on AFLW, 7.87 % on AFW) are unknown, so numbers of this
    module are those of a re-implementation.

    Args:
        in_channels (int): Channels of the input. Defaults to 1, grey.
        init_cfg (dict, optional): Initialisation; by default Glorot's.

    Raises:
        ValueError: (In ``forward``) if the input has another shape.
    """

    def __init__(self, in_channels: int = 1, init_cfg: dict | None = None) -> None:
        super().__init__(
            init_cfg or dict(type='Xavier', layer='Conv2d', distribution='uniform')
        )
        self.in_channels = in_channels
        widths = [in_channels, *(channels for channels, _ in LAYERS)]
        self.convs = nn.ModuleList(
            nn.Conv2d(widths[i], channels, kernel)
            for i, (channels, kernel) in enumerate(LAYERS)
        )
        self.out_channels = widths[-1]

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the features of the fully connected layer.

        Args:
            x (Tensor): Normalised crops of shape (B, in_channels, 40, 40).

        Returns:
            tuple[Tensor]: One map of shape (B, 100, 1, 1), in [0, 1].
        """
        if x.shape[1:] != (self.in_channels, SIDE, SIDE):
            raise ValueError(
                f'TCDCN got an input of shape {tuple(x.shape)}; it takes '
                f'(B, {self.in_channels}, {SIDE}, {SIDE}). Set the '
                'input_size of the crop and the codec.'
            )
        for i, conv in enumerate(self.convs):
            x = conv(x).tanh().abs()
            if i < NUM_POOLINGS:
                x = F.max_pool2d(x, 2)
        return (x,)
