"""Pose estimator that also trains on images without labels (RCN+: CVPR 2018)."""

from __future__ import annotations

from typing import Any

from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS as MMPOSE_MODELS
from mmpose.utils.typing import OptConfigType, SampleList
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class ELTPoseEstimator(TopdownPoseEstimator):
    """MMPose's top-down estimator with an additional unsupervised loss.

    Every training crop, with keypoints or without, is mapped by a small
    random affine T. ``loss_elt`` measures whether the predicted keypoints
    move with T. The gradient flows through both predictions. A face whose
    keypoints all have visibility 0 (see ``rcn_mmpose.WithholdLabels``) adds
    nothing to the supervised loss.

    Args:
        elt (dict, optional): Config of the unsupervised loss. Defaults to
            ``rcn_mmpose.EquivariantLandmarkLoss``.
        **options (Any): Options of ``TopdownPoseEstimator``. The head must
            have a method ``keypoints()``, as ``rcn_mmpose.SoftArgmaxHead``
            has.

    Raises:
        ValueError: If the head has no method ``keypoints()``.
    """

    def __init__(self, elt: OptConfigType = None, **options: Any) -> None:
        super().__init__(**options)
        self.elt = MMPOSE_MODELS.build(
            elt or dict(type='rcn_mmpose.EquivariantLandmarkLoss')
        )
        if not hasattr(self.head, 'keypoints'):
            raise ValueError(
                f'the head {type(self.head).__name__} gives no differentiable '
                'keypoints; use rcn_mmpose.SoftArgmaxHead.'
            )

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Compute the losses of a batch.

        Args:
            inputs (Tensor): Normalised crops of shape (B, C, H, W).
            data_samples (list[PoseDataSample]): The samples.

        Returns:
            dict: Losses of the head, and ``loss_elt``.
        """
        feats = self.extract_feat(inputs)
        losses = self.head.loss(feats, data_samples, train_cfg=self.train_cfg)
        matrices = self.elt.draw(inputs)
        warped = self.elt.warp(inputs, matrices)
        losses['loss_elt'] = self.elt(
            self.head.keypoints(feats),
            self.head.keypoints(self.extract_feat(warped)),
            matrices,
            inputs,
        )
        return losses
