"""Base of all heads with score maps: softmax, loss and prediction (eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS
from mmpose.registry import MODELS as MMPOSE_MODELS
from mmpose.utils.typing import (
    ConfigType,
    Features,
    OptConfigType,
    OptSampleList,
    Predictions,
)
from torch import Tensor

from ...codecs.decoding import best_cells, probability_maps

# The labels of rcn_mmpose.CellIndex, in the order of the loss's arguments.
TARGETS = ('keypoint_cells', 'keypoint_cell_weights', 'keypoint_weights')


class ScoreMapHead(BaseHead):
    """Base of the heads that give one score map a keypoint.

    A score map becomes a probability map by a softmax over its cells. A
    subclass builds its layers and implements ``forward``, which turns
    features into score maps.

    Args:
        out_channels (int): K, the number of keypoints.
        loss (dict, optional): Config of the loss. Defaults to
            ``rcn_mmpose.SpatialCrossEntropyLoss``.
        decoder (dict, optional): Config of the codec that decodes probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation; by default small normal
            weights, so that training starts from a nearly flat distribution.
    """

    in_channels: int | tuple[int, ...]

    def __init__(
        self,
        out_channels: int,
        loss: ConfigType | None = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Normal', layer='Conv2d', std=0.01))
        self.out_channels = out_channels
        if loss is None:
            loss = dict(type='rcn_mmpose.SpatialCrossEntropyLoss')
        self.loss_module = MMPOSE_MODELS.build(loss)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None

    def probability_maps(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the softmax of the score maps, float32, (B, K, H, W)."""
        scores = self.forward(feats)
        with torch.autocast(scores.device.type, enabled=False):
            return probability_maps(scores)

    def whole_cells(self, maps: Tensor) -> Tensor:
        """Return the predicted keypoints as whole cells.

        The paper's protocol measures the error between whole cells. This
        head predicts the most probable cell of each map.

        Args:
            maps (Tensor): Probability maps of shape (B, K, H, W).

        Returns:
            Tensor: Cells (x, y), int64 of shape (B, K, 2).
        """
        return best_cells(maps)

    def predict(
        self,
        feats: Features,
        batch_data_samples: OptSampleList,
        test_cfg: ConfigType | None = None,
    ) -> Predictions:
        """Predict keypoints.

        Args:
            feats (tuple[Tensor] | list[tuple[Tensor]]): Features; with
                ``flip_test`` the features of the crops and of the mirrored
                crops.
            batch_data_samples (list[PoseDataSample]): The samples.
            test_cfg (dict): ``flip_test`` averages the probability maps of
                crop and mirrored crop; ``output_heatmaps`` also returns the
                probability maps.

        Returns:
            list[InstanceData]: ``keypoints`` (1, K, 2) in pixels of the crop;
            ``keypoint_scores`` (1, K) in [0, 1], the probability within the
            codec's ``score_radius`` of each keypoint; and, if the maps have
            one cell a pixel, ``keypoint_cells`` (1, K, 2), the keypoints as
            whole cells (x, y) from :meth:`whole_cells`.
            With ``output_heatmaps`` a list of ``PixelData`` as well.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, flipped = feats
            # maps of stride 1 mirror exactly onto each other: no shift
            back = flip_heatmaps(
                self.probability_maps(flipped),
                flip_indices=batch_data_samples[0].metainfo['flip_indices'],
                shift_heatmap=False,
            )
            maps = (self.probability_maps(plain) + back) / 2
        else:
            maps = self.probability_maps(feats)

        preds = self.decode(maps)
        size = batch_data_samples[0].metainfo.get('input_size')
        if tuple(size or ()) == tuple(maps.shape[:-3:-1]):
            cells: np.ndarray = self.whole_cells(maps)[:, None].cpu().numpy()
            for pred, cell in zip(preds, cells, strict=True):
                pred.keypoint_cells = cell
        if test_cfg.get('output_heatmaps', False):
            return preds, [PixelData(heatmaps=m) for m in maps.detach()]
        return preds

    def loss(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: Sequence,
        train_cfg: OptConfigType = None,
    ) -> dict:
        """Compute the loss of a batch.

        Args:
            feats (tuple[Tensor, ...]): Features.
            batch_data_samples (list[PoseDataSample]): The samples, with the
                labels ``TARGETS`` of ``rcn_mmpose.CellIndex``.
            train_cfg (dict, optional): Not used.

        Returns:
            dict: ``loss_kpt``, a scalar.
        """
        targets = self._targets(batch_data_samples)
        return dict(loss_kpt=self.loss_module(self.forward(feats), *targets))

    def _targets(self, batch_data_samples: Sequence) -> list[Tensor]:
        """Collect the labels of a batch in the order of ``TARGETS``.

        Raises:
            ValueError: If the samples have no cell targets.
        """
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        if TARGETS[0] not in labels[0]:
            raise ValueError(
                f'{type(self).__name__} found no cell targets (fields '
                f'{sorted(labels[0].keys())}); use dict(type='
                '"GenerateTarget", encoder=dict(type="rcn_mmpose.CellIndex", '
                '...)) in the training pipeline.'
            )
        return [torch.cat([x.get(name) for x in labels]) for name in TARGETS]


def keep_size(kernel_size: int) -> int:
    """Return the padding that keeps the size of a map.

    Raises:
        ValueError: If the kernel is even.
    """
    if kernel_size % 2 == 0:
        raise ValueError(
            f'kernel_size={kernel_size} would shift the maps; use an odd one.'
        )
    return kernel_size // 2
