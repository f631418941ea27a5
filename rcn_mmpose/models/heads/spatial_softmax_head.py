"""Score maps, their softmax, loss and prediction (paper, eq. 2 and 3)."""

from collections.abc import Sequence

import torch
import torch.nn as nn
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

from ...codecs.decoding import best_cells
from ...registry import MODELS


@MODELS.register_module()
class SpatialSoftmaxHead(BaseHead):
    """One linear convolution to K score maps, each a softmax over positions.

    Args:
        in_channels (int): Channels of the last feature map.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size: 3 for the paper's 5 keypoints, 1
            for its 68. Defaults to 3.
        loss (dict): Config of the loss.
        decoder (dict, optional): Config of the codec that turns probability
            maps into keypoints; needed to predict.
        init_cfg (dict, optional): Initialisation; by default small normal
            weights, so that training starts from a nearly flat distribution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        loss: ConfigType = None,
        decoder: OptConfigType = None,
        init_cfg: OptConfigType = None,
    ) -> None:
        if loss is None:
            loss = dict(type='rcn_mmpose.SpatialCrossEntropyLoss')
        super().__init__(init_cfg or dict(type='Normal', layer='Conv2d', std=0.01))
        if kernel_size % 2 == 0:
            raise ValueError(
                f'kernel_size={kernel_size} would shift the maps; use an odd one.'
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.last_conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2
        )
        self.loss_module = MMPOSE_MODELS.build(loss)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """Turn features into score maps.

        Args:
            feats (tuple[Tensor]): The last is used: (B, in_channels, H, W).

        Returns:
            Tensor: Score maps (before the softmax) of shape (B, K, H, W).
        """
        return self.last_conv(feats[-1])

    def probability_maps(self, feats: tuple[Tensor]) -> Tensor:
        """Return the softmax of the score maps, float32, (B, K, H, W)."""
        scores = self.forward(feats)
        with torch.autocast(scores.device.type, enabled=False):
            flat = scores.flatten(2).float().softmax(-1)
        return flat.view_as(scores)

    def predict(
        self,
        feats: Features,
        batch_data_samples: OptSampleList,
        test_cfg: ConfigType | None = None,
    ) -> Predictions:
        """Predict keypoints.

        Args:
            feats (tuple[Tensor] | list[tuple[Tensor]]): Features, or with
                ``flip_test`` those of the crops and of the flipped crops.
            batch_data_samples (list[PoseDataSample]): The samples.
            test_cfg (dict): ``flip_test`` averages the probability maps of
                crop and mirrored crop; ``output_heatmaps`` returns the
                probability maps too.

        Returns:
            list[InstanceData]: ``keypoints`` (1, K, 2) in pixels of the crop,
            ``keypoint_scores`` (1, K) in [0, 1], the probability of each
            within the codec's ``score_radius``, and, if the maps have one
            cell a pixel, ``keypoint_cells`` (1, K, 2), the cells (x, y) with
            the highest probability.
            With ``output_heatmaps`` a list of ``PixelData`` as well.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, flipped = feats
            # Maps of stride 1 mirror exactly onto each other: no shift.
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
            cells = best_cells(maps)[:, None].cpu().numpy()
            for pred, cell in zip(preds, cells, strict=True):
                pred.keypoint_cells = cell
        if test_cfg.get('output_heatmaps', False):
            return preds, [PixelData(heatmaps=m) for m in maps.detach()]
        return preds

    def loss(
        self,
        feats: tuple[Tensor],
        batch_data_samples: Sequence,
        train_cfg: OptConfigType = None,
    ) -> dict:
        """Compute the loss of a batch.

        The samples carry the targets of ``rcn_mmpose.CellIndex``:
        ``keypoint_cells``, ``keypoint_cell_weights`` and
        ``keypoint_weights``.

        Returns:
            dict: ``loss_kpt``, a scalar.
        """
        labels = [d.gt_instance_labels for d in batch_data_samples]
        if 'keypoint_cells' not in labels[0]:
            raise ValueError(
                'SpatialSoftmaxHead found no cell targets (fields '
                f'{sorted(labels[0].keys())}); use dict(type='
                '"GenerateTarget", encoder=dict(type="rcn_mmpose.CellIndex", '
                '...)) in the training pipeline.'
            )
        loss = self.loss_module(
            self.forward(feats),
            torch.cat([x.keypoint_cells for x in labels]),
            torch.cat([x.keypoint_cell_weights for x in labels]),
            torch.cat([x.keypoint_weights for x in labels]),
        )
        return dict(loss_kpt=loss)
