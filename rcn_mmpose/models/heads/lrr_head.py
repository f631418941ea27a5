"""LRR head: Laplacian pyramid reconstruction and refinement.

Source: Ghiasi and Fowlkes, Laplacian Pyramid Reconstruction and Refinement
for Semantic Segmentation, ECCV 2016, arXiv 1605.02264; "release" below is the
code published with that paper. The paper segments images; this head applies
the method to keypoints. Each detail is either checked or our own choice:

- Checked against the settings of the release: reconstruction makes maps 4
  times larger; basis functions of 8x8 cells; 10 basis functions a class;
  bilinear upsampling from level to level; a gate on every level but the
  coarsest; 9x9 cells as the size of the gate's pooling; the gate is
  max-pool(p) + max-pool(-p), which equals max-pool(p) + max-pool(1 - p) - 1;
  a loss on every level.
- Checked, and different here: the release takes p from a softmax over the
  classes, this head over the cells of a map, divided by the maximum; the
  release computes coefficients by 5x5 convolutions, this head by 3x3 by
  default; the release finds the basis by a singular value decomposition of
  centred patches of true masks, this head of patches of Gaussian peaks that
  are not centred; the release compares each level with a target of its own
  resolution, this head tiles the maps up to the finest level; the release
  trains its coarsest level also on dilated and eroded masks, this head does
  not.
- Our own choice: the gate passes no gradient; the number of levels and the
  channels of the features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmpose.utils.typing import ConfigType, OptConfigType
from torch import Tensor

from ...registry import MODELS
from ..layers import tile
from .score_map_head import ScoreMapHead, keep_size

SCALE, KERNEL = 4, 8  # reconstruction: 4 times larger, patches of 8x8 cells


def patch_basis(num_basis: int, width: float = 2.0) -> Tensor:
    """Return the shapes that best describe patches of a smooth peak.

    LRR starts its basis functions from the principal components of patches
    of the true maps. The true map of a keypoint is one peak. The shapes here
    are therefore the components of Gaussian peaks in and around a patch, one
    peak a cell; each shape is a product of components along the two axes.

    Args:
        num_basis (int): Number of shapes, up to 64.
        width (float): Standard deviation of a peak in cells. Defaults to 2.

    Returns:
        Tensor: Orthonormal shapes of shape (num_basis, 8, 8).
    """
    cells = torch.arange(KERNEL, dtype=torch.float64)
    centres = torch.arange(-KERNEL, 2 * KERNEL, dtype=torch.float64)
    peaks = torch.exp(-(((cells - centres[:, None]) / width) ** 2) / 2)
    # not centred: the mean is a shape like any other
    _, size, lines = torch.linalg.svd(peaks, full_matrices=False)
    lines = lines * lines[:, :1].sign()
    shapes = torch.einsum('yi,xj->yxij', lines, lines).flatten(0, 1)
    share = torch.outer(size, size).flatten()
    order = share.argsort(descending=True, stable=True)
    return shapes[order[:num_basis]].float()


@MODELS.register_module()
class LRRHead(ScoreMapHead):
    """Score maps by Laplacian pyramid reconstruction and refinement.

    On each level of a pyramid a convolution gives ``num_basis`` coefficients
    for each keypoint and cell. A transposed convolution with learned basis
    functions of 8x8 cells turns the coefficients into score maps 4 times
    larger. Each level refines the next coarser one::

        score(r) = up(score(r + 1)) + gate * reconstruction(r)

    The gate opens around the mode of the coarser prediction. With p the
    softmax of the coarser scores divided by its maximum, the gate is
    max-pool(p) + max-pool(1 - p) - 1, LRR's boundary mask. No gradient flows
    through the gate. The loss is eq. 2 of the RCN paper on every level.

    The docstring of :mod:`rcn_mmpose.models.heads.lrr_head` says which
    details are LRR's and which are our own.

    Args:
        in_channels (Sequence[int]): Channels of each level's features, finest
            first. The finest has a quarter of the resolution of the maps.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size of the coefficients' convolution.
            Defaults to 3.
        num_basis (int): Coefficients a keypoint. Defaults to 10.
        gate_size (int): Odd side of the gate's pooling, in cells of its
            level. Defaults to 9.
        loss (dict, optional): Config of the loss. Defaults to
            ``rcn_mmpose.SpatialCrossEntropyLoss``.
        decoder (dict, optional): Config of the codec that decodes probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation of the coefficients'
            convolutions; by default small normal weights.

    Raises:
        ValueError: If a value is not allowed, or (in ``forward``) if the
            features do not match ``in_channels``.
    """

    in_channels: tuple[int, ...]

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel_size: int = 3,
        num_basis: int = 10,
        gate_size: int = 9,
        loss: ConfigType | None = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, init_cfg)
        padding = keep_size(kernel_size)
        if not 1 <= num_basis <= KERNEL**2 or gate_size % 2 == 0:
            raise ValueError(
                f'num_basis={num_basis}, gate_size={gate_size}; give 1 to '
                f'{KERNEL**2} basis functions and an odd size.'
            )
        self.in_channels = tuple(in_channels)
        self.gate_size = gate_size
        coefficients = out_channels * num_basis
        self.last_conv = nn.ModuleList(
            nn.Conv2d(width, coefficients, kernel_size, padding=padding)
            for width in in_channels
        )
        basis = patch_basis(num_basis)[:, None].repeat(out_channels, 1, 1, 1)
        self.reconstruction = nn.ModuleList(
            _reconstruction(basis, out_channels) for _ in in_channels
        )

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Turn the pyramid into the finest score maps.

        Args:
            feats (tuple[Tensor, ...]): One map a level, finest first.

        Returns:
            Tensor: Score maps (before the softmax) of shape (B, K, H, W),
            with 4 times the height and width of the finest features.
        """
        return self.level_scores(feats)[0]

    def level_scores(self, feats: tuple[Tensor, ...]) -> list[Tensor]:
        """Return the score maps of all levels, finest first."""
        found = tuple(x.shape[1] for x in feats)
        if found != self.in_channels:
            raise ValueError(
                f'LRRHead got features of {found} channels instead of '
                f'in_channels={self.in_channels}; select the levels by a '
                'neck of type FeatureMapProcessor.'
            )
        levels: list[Tensor] = []
        for x, conv, reconstruct in reversed(
            list(zip(feats, self.last_conv, self.reconstruction, strict=True))
        ):
            scores = reconstruct(conv(x))
            if levels:
                coarse = F.interpolate(
                    levels[0],
                    scores.shape[-2:],
                    mode='bilinear',
                    align_corners=False,
                )
                scores = coarse + self._gate(coarse.detach()) * scores
            levels.insert(0, scores)
        return levels

    def _gate(self, scores: Tensor) -> Tensor:
        """Return a mask in [0, 1] that is open around the mode of each map."""
        p = (scores - scores.amax((-2, -1), keepdim=True)).float().exp()

        def spread(x: Tensor) -> Tensor:
            # pooling one axis after the other gives the same maxima in a
            # third of the time; both at once took two thirds of a training
            # step
            for size in (1, self.gate_size), (self.gate_size, 1):
                padding = [n // 2 for n in size]
                x = F.max_pool2d(x, size, stride=1, padding=padding)
            return x

        return (spread(p) + spread(1 - p) - 1).to(scores.dtype)

    def loss(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: Sequence,
        train_cfg: OptConfigType = None,
    ) -> dict:
        """Compute the loss of a batch on every level.

        Returns:
            dict: ``loss_kpt`` for the finest level; ``loss_level_1`` and so
            on for the coarser levels, whose maps are tiled up to the finest.
        """
        targets = self._targets(batch_data_samples)
        levels = self.level_scores(feats)
        size = levels[0].shape[-2:]
        names = ['kpt', *(f'level_{i}' for i in range(1, len(levels)))]
        return {
            f'loss_{name}': self.loss_module(tile(scores, size), *targets)
            for name, scores in zip(names, levels, strict=True)
        }


def _reconstruction(basis: Tensor, out_channels: int) -> nn.ConvTranspose2d:
    """Make the transposed convolution from coefficients to score maps.

    Args:
        basis (Tensor): Initial basis functions of all keypoints,
            (coefficients, 1, 8, 8).
        out_channels (int): K, the number of keypoints.
    """
    layer = nn.ConvTranspose2d(
        len(basis),
        out_channels,
        KERNEL,
        stride=SCALE,
        padding=(KERNEL - SCALE) // 2,
        groups=out_channels,
        bias=False,
    )
    layer.weight.data.copy_(basis)
    return layer
