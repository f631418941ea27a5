"""Equivariant landmark loss, ELT (RCN+: Honari et al., CVPR 2018)."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class EquivariantLandmarkLoss(nn.Module):
    """Unsupervised loss: predicted keypoints must move with the image (ELT).

    Let L be the network, I a crop and T a small random affine map. The loss
    is alpha times the mean over images and keypoints of
    ``|T(L(I)) - L(T(I))|^2`` in square pixels. The paper names neither the
    range of T nor a rule for keypoints that T moves out of the crop, where no
    prediction can follow. Here such keypoints do not count.

    Args:
        alpha (float): Factor of the loss. Defaults to 0.5, the paper's.
        shift (float): Largest shift along each axis, as a fraction of the
            side of the crop. Defaults to 0.1.
        scale (float): Largest change of scale, as a fraction of 1. Defaults
            to 0.1.
        rotation (float): Largest rotation about the crop's centre, in
            degrees. Defaults to 20.

    Raises:
        ValueError: If a value is negative, or ``scale`` is 1 or more.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        shift: float = 0.1,
        scale: float = 0.1,
        rotation: float = 20.0,
    ) -> None:
        super().__init__()
        if min(alpha, shift, scale, rotation) < 0 or scale >= 1:
            raise ValueError(
                f'alpha={alpha}, shift={shift}, scale={scale}, '
                f'rotation={rotation}; give values of 0 or more, and a scale '
                'below 1.'
            )
        self.alpha = alpha
        self.shift = shift
        self.scale = scale
        self.rotation = rotation

    def draw(self, crops: Tensor) -> Tensor:
        """Draw a random affine map for each crop.

        Args:
            crops (Tensor): Crops of shape (B, C, H, W).

        Returns:
            Tensor: Matrices (B, 2, 3), float32, from a position (x, y, 1) in
            pixels of the crop to its position in the mapped crop.
        """
        batch, device = len(crops), crops.device
        size = torch.tensor(crops.shape[:-3:-1], device=device)  # (W, H)
        turn, zoom, *shift = 2 * torch.rand(4, batch, device=device) - 1
        turn = turn * math.radians(self.rotation)
        zoom = 1 + zoom * self.scale
        # On the device and scaled, unlike image.crop.rotation_matrices.
        cos, sin = zoom * turn.cos(), zoom * turn.sin()
        linear = torch.stack((cos, -sin, sin, cos), -1).view(batch, 2, 2)
        centre = (size - 1) / 2
        # rotation and scale keep the centre in place; the shift comes last
        offset = centre + torch.stack(shift, -1) * self.shift * size
        offset = offset - (linear * centre).sum(-1)
        return torch.cat((linear, offset[..., None]), -1)

    @staticmethod
    def transform(keypoints: Tensor, matrices: Tensor) -> Tensor:
        """Map positions (B, K, 2) by matrices (B, 2, 3)."""
        linear, offset = matrices[:, None, :, :2], matrices[:, None, :, 2]
        # autocast would round a matrix product
        return (linear * keypoints[..., None, :]).sum(-1) + offset

    def warp(self, crops: Tensor, matrices: Tensor) -> Tensor:
        """Map crops (B, C, H, W); pixels beyond the border repeat the border."""
        height, width = crops.shape[-2:]
        device = crops.device
        rows, columns = torch.meshgrid(
            torch.arange(height, device=device, dtype=torch.float32),
            torch.arange(width, device=device, dtype=torch.float32),
            indexing='ij',
        )
        pixels = torch.stack((columns, rows), -1).view(1, -1, 2)
        # each pixel of the result reads the place it came from
        square = F.pad(matrices, (0, 0, 0, 1))
        square[:, 2, 2] = 1
        source = self.transform(pixels, torch.linalg.inv(square)[:, :2])
        size = torch.tensor((width, height), device=device)
        grid = (2 * source + 1) / size - 1
        return F.grid_sample(
            crops.float(),
            grid.view(-1, height, width, 2),
            padding_mode='border',
            align_corners=False,
        )

    def forward(
        self,
        keypoints: Tensor,
        warped: Tensor,
        matrices: Tensor,
        crops: Tensor,
    ) -> Tensor:
        """Compute the loss.

        Args:
            keypoints (Tensor): Predictions L(I) in pixels of the crop,
                (B, K, 2).
            warped (Tensor): Predictions L(T(I)), of shape (B, K, 2).
            matrices (Tensor): The maps T, from :meth:`draw`.
            crops (Tensor): The crops I, of shape (B, C, H, W).

        Returns:
            Tensor: Scalar; 0 if no keypoint stays inside.
        """
        moved = self.transform(keypoints, matrices)
        last = torch.tensor(crops.shape[:-3:-1], device=crops.device) - 1
        inside = ((moved >= 0) & (moved <= last)).all(-1)
        error = (moved - warped).square().sum(-1)
        total = inside.sum().clamp(min=1)
        return self.alpha * (error * inside).sum() / total
