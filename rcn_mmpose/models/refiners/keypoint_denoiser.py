"""Where keypoints are likely to be, given the others (paper, section 4)."""
# DOCS Keypoints as one-hot maps: a 1 at the keypoint's cell, zeros elsewhere.
# DOCS
# DOCS Where keypoints are likely to be, given the others (paper, section 4).

from __future__ import annotations

from typing import Any

import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor

from ...registry import MODELS


def one_hot_maps(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Draw the maps of keypoints.

    Args:
        cells (Tensor): Flat indices ``row * W + column``, int64 of shape
            (B, K).
        size (tuple): Height and width of the maps.

    Returns:
        Tensor: float32 maps of shape (B, K, H, W).
    """
    height, width = size
    every = torch.arange(height * width, device=cells.device)
    return (cells[..., None] == every).float().unflatten(-1, (height, width))


def one_hot_cells(maps: Tensor) -> Tensor:
    """Read the cells of one-hot maps.

    Args:
        maps (Tensor): Maps of shape (B, K, H, W).

    Returns:
        Tensor: Flat indices, int64 of shape (B, K).

    Raises:
        ValueError: If a map is not one-hot.
    """
    flat = maps.flatten(2)
    top, cells = flat.max(-1)
    # squares that sum up to 1, with a 1 among them, are 0 elsewhere
    wrong = (top != 1) | (torch.linalg.vector_norm(flat, dim=-1) != 1)
    if wrong.any():
        face, keypoint = wrong.nonzero()[0].tolist()
        raise ValueError(
            f'{int(wrong.sum())} of {wrong.numel()} maps are not one-hot; '
            f'that of keypoint {keypoint} of face {face} holds '
            f'{int(flat[face, keypoint].count_nonzero())} values that are not '
            f'0, the largest {float(top[face, keypoint]):.4g}. Each must hold '
            'one 1, at the cell of its keypoint, and zeros: as '
            'rcn_mmpose.CorruptKeypoints makes them, or one_hot_maps().'
        )
    return cells


@MODELS.register_module()
class KeypointDenoiser(TopdownPoseEstimator):
    """Keypoint denoising model: one-hot maps in, score maps out.

    It sees no image but the keypoints alone, one map each, and learns their
    distribution P(Y_k | Y_-k) from faces with some keypoints put anywhere
    (``rcn_mmpose.CorruptKeypoints``); only those count in its loss and in its
    errors. But for its input it is a pose estimator like any other, trained
    and tested by itself; ``rcn_mmpose.JointEstimator`` adds its score maps to
    those of a network.

    Args:
        backbone (dict): Config of the network from maps to features, with
            ``in_channels`` K: ``rcn_mmpose.LargeKernelNet``, the paper's, or
            a smaller one.
        head (dict): Config of the head, with ``out_channels`` K.
        **options: Those of MMPose's ``TopdownPoseEstimator``.

    Raises:
        ValueError: If backbone and head differ in K or in the size of maps,
            or (in use) if the maps have another shape or are not one-hot.
    """

    def __init__(self, backbone: dict, head: dict, **options: Any) -> None:
        super().__init__(backbone=backbone, head=head, **options)
        self.num_keypoints = self.head.out_channels
        self.map_size = map_size(self.head)
        if self.backbone.in_channels != self.num_keypoints:
            raise ValueError(
                f'the denoiser reads {self.backbone.in_channels} maps and '
                f'writes {self.num_keypoints}; set backbone.in_channels and '
                'head.out_channels to the number of keypoints.'
            )
        reads = getattr(self.backbone, 'input_size', None)
        if reads and self.map_size and tuple(reads) != self.map_size:
            raise ValueError(
                f'the denoiser reads maps of {as_text(reads)} cells and '
                f'decodes those of {as_text(self.map_size)}; set '
                'backbone.input_size and head.decoder.input_size to the size '
                'of the maps.'
            )
        self.deployed = False

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor]:
        """Compute features.

        Args:
            inputs (Tensor): One-hot maps of shape (B, K, H, W).

        Returns:
            tuple[Tensor]: Those of the backbone.
        """
        if not self.deployed:
            self._check(inputs)
        return super().extract_feat(inputs)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Leave out what an exported model cannot do: checks and loops."""
        super().switch_to_deploy()
        self.deployed = True

    def _check(self, inputs: Tensor) -> None:
        """Raise an error unless these are maps of K keypoints."""
        found = inputs.shape[1], tuple(inputs.shape[:-3:-1])
        size = self.map_size or found[1]
        if found != (self.num_keypoints, size):
            raise ValueError(
                f'{found[0]} maps of {as_text(found[1])} cells; this denoiser '
                f'takes {self.num_keypoints} of {as_text(size)}. Give it the '
                'maps it was trained on, or set in_channels, out_channels '
                'and input_size in its config.'
            )
        one_hot_cells(inputs)


def map_size(head: Any) -> tuple[int, int] | None:
    """Return the width and height of the maps that a head decodes."""
    size = getattr(getattr(head, 'decoder', None), 'heatmap_size', None)
    return tuple(size) if size else None


def as_text(size: tuple[int, int]) -> str:
    """Write a width and a height."""
    return 'x'.join(map(str, size))
