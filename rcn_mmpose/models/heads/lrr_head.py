"""LRR's reconstruction and refinement (Ghiasi, Fowlkes: arXiv 1605.02264)."""

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmpose.utils.typing import ConfigType, OptConfigType
from torch import Tensor

from ...registry import MODELS
from ..layers import tile
from .spatial_softmax_head import SpatialSoftmaxHead

SCALE, KERNEL = 4, 8  # reconstruction: 4 times larger, patches of 8x8 cells


def patch_basis(num_basis: int, width: float = 2.0) -> Tensor:
    """Find the shapes that describe patches of a smooth peak best.

    LRR starts its basis functions from the principal components of patches
    of the true maps. A keypoint's true map is one peak, so these are the
    components of Gaussian peaks in and around a patch, one peak a cell; they
    are products of the components along each axis.

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
class LRRHead(SpatialSoftmaxHead):
    """Score maps by Laplacian pyramid reconstruction and refinement.

    On each level of a pyramid a convolution gives ``num_basis`` coefficients
    for each keypoint and cell; a transposed convolution with learned basis
    functions of 8x8 cells makes of them score maps 4 times larger. From the
    coarsest level to the finest these refine each other::

        score(r) = up(score(r + 1)) + gate * reconstruction(r)

    The gate opens around the mode of the coarser prediction. With p its
    softmax divided by the maximum, it is max-pool(p) + max-pool(1 - p) - 1,
    LRR's mask of a boundary, taken as given: no gradient flows through it.
    The loss is that of eq. 2 on every level.

    Details are as recalled from the paper, not checked against it.

    Args:
        in_channels (Sequence[int]): Channels of each level's features, finest
            first. The finest has a quarter of the resolution of the maps.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size of the coefficients' convolution.
            Defaults to 3.
        num_basis (int): Coefficients a keypoint. Defaults to 10.
        gate_size (int): Odd side of the gate's pooling, in cells of its
            level. Defaults to 9.
        loss (dict): Config of the loss.
        decoder (dict, optional): Config of the codec that turns probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation of the coefficients'
            convolutions; by default small normal weights.

    Raises:
        ValueError: If a value is not one of the above, or (in ``forward``)
            if the features are not those announced.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel_size: int = 3,
        num_basis: int = 10,
        gate_size: int = 9,
        loss: ConfigType = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(
            in_channels[0], out_channels, kernel_size, loss, decoder, init_cfg
        )
        if not 1 <= num_basis <= KERNEL**2 or gate_size % 2 == 0:
            raise ValueError(
                f'num_basis={num_basis}, gate_size={gate_size}; give 1 to '
                f'{KERNEL**2} basis functions and an odd size.'
            )
        self.in_channels = tuple(in_channels)
        self.gate_size = gate_size
        coefficients = out_channels * num_basis
        self.last_conv = nn.ModuleList(
            nn.Conv2d(width, coefficients, kernel_size, padding=kernel_size // 2)
            for width in in_channels
        )
        self.reconstruction = nn.ModuleList(
            nn.ConvTranspose2d(
                coefficients,
                out_channels,
                KERNEL,
                stride=SCALE,
                padding=(KERNEL - SCALE) // 2,
                groups=out_channels,
                bias=False,
            )
            for _ in in_channels
        )
        basis = patch_basis(num_basis)[:, None].repeat(out_channels, 1, 1, 1)
        for layer in self.reconstruction:
            layer.weight.data.copy_(basis)

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
        """Mark the surroundings of each map's mode by values in [0, 1]."""
        p = (scores - scores.amax((-2, -1), keepdim=True)).float().exp()

        def spread(x: Tensor) -> Tensor:
            # one axis after the other: the same maxima in a third of the
            # time, which at once was two thirds of a training step
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
            dict: ``loss_kpt`` for the finest level, ``loss_level_1`` and so
            on for the coarser ones, whose maps are tiled up to the finest.
        """
        labels = [d.gt_instance_labels for d in batch_data_samples]
        if 'keypoint_cells' not in labels[0]:
            return super().loss(feats, batch_data_samples)  # raises
        target = [
            torch.cat([x.get(name) for x in labels])
            for name in (
                'keypoint_cells',
                'keypoint_cell_weights',
                'keypoint_weights',
            )
        ]
        levels = self.level_scores(feats)
        size = levels[0].shape[-2:]
        names = ['kpt', *(f'level_{i}' for i in range(1, len(levels)))]
        return {
            f'loss_{name}': self.loss_module(tile(scores, size), *target)
            for name, scores in zip(names, levels, strict=True)
        }
