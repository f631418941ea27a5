"""Keypoint denoising model: P(keypoint | other keypoints) (paper, section 4)."""

from __future__ import annotations

from typing import Any

from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor

from ...registry import MODELS
from ..one_hot import one_hot_cells


@MODELS.register_module()
class KeypointDenoiser(TopdownPoseEstimator):
    """Keypoint denoising model: one-hot maps in, score maps out.

    The denoiser sees no image, only one map a keypoint. It learns the
    distribution ``P(Y_k | Y_-k)`` from faces in which some keypoints were moved
    to random places (``rcn_mmpose.CorruptKeypoints``). Only the moved
    keypoints count in its loss and in its errors. Apart from its input the
    denoiser is a pose estimator like any other, trained and tested by itself.
    ``rcn_mmpose.JointEstimator`` adds its score maps to the score maps of a
    network.

    Args:
        backbone (dict): Config of the network from maps to features, with
            ``in_channels`` K: ``rcn_mmpose.LargeKernelNet`` as in the paper,
            or a smaller network.
        head (dict): Config of the head, with ``out_channels`` K.
        **options (Any): Options of MMPose's ``TopdownPoseEstimator``.

    Raises:
        ValueError: If backbone and head differ in K or in the size of their
            maps, or (in use) if the maps have another shape or are not
            one-hot.
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
                f'decodes maps of {as_text(self.map_size)}; set '
                'backbone.input_size and head.decoder.input_size to the size '
                'of the maps.'
            )
        self.deployed = False

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor]:
        """Compute features.

        Args:
            inputs (Tensor): One-hot maps of shape (B, K, H, W).

        Returns:
            tuple[Tensor]: Features of the backbone.
        """
        if not self.deployed:
            self._check(inputs)
        return super().extract_feat(inputs)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Switch off checks and loops, which cannot be exported."""
        super().switch_to_deploy()
        self.deployed = True

    def _check(self, inputs: Tensor) -> None:
        """Check that the inputs are one-hot maps of K keypoints."""
        count, found = inputs.shape[1], (inputs.shape[-1], inputs.shape[-2])
        size = self.map_size or found
        if (count, found) != (self.num_keypoints, size):
            raise ValueError(
                f'{count} maps of {as_text(found)} cells; this denoiser '
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
    """Return a width and a height as text, such as ``80x80``."""
    return 'x'.join(map(str, size))
