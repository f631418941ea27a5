"""Keypoints as expectations (RCN+: Honari et al., CVPR 2018)."""

import numpy as np
from mmengine.structures import InstanceData
from mmpose.utils.typing import (
    ConfigType,
    Features,
    InstanceList,
    OptConfigType,
    OptSampleList,
    Predictions,
)
from torch import Tensor

from ...registry import MODELS
from ..losses.soft_argmax import expected_cells, soft_maps
from .spatial_softmax_head import SpatialSoftmaxHead


@MODELS.register_module()
class SoftArgmaxHead(SpatialSoftmaxHead):
    """The soft-argmax of the score maps is both trained and predicted.

    A keypoint is the mean of all positions, weighted by the softmax of
    beta times its score map. beta belongs to the loss. The codec gives the
    targets (best ``target='four'``, which keeps the exact position), the
    stride and the radius of the scores; its ``decoding`` is not used.

    Args:
        in_channels (int): Channels of the last feature map.
        out_channels (int): K, the number of keypoints.
        kernel_size (int): Odd kernel size. Defaults to 3.
        loss (dict): Config of the loss. Defaults to
            ``rcn_mmpose.SoftArgmaxLoss``.
        decoder (dict, optional): Config of ``rcn_mmpose.CellIndex``; needed
            to predict.
        init_cfg (dict, optional): Initialisation; by default small normal
            weights.

    Raises:
        ValueError: If the loss has no ``beta``.
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
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            loss or dict(type='rcn_mmpose.SoftArgmaxLoss'),
            decoder,
            init_cfg,
        )
        if not hasattr(self.loss_module, 'beta'):
            raise ValueError(
                f'the loss {type(self.loss_module).__name__} has no beta; '
                'SoftArgmaxHead goes with rcn_mmpose.SoftArgmaxLoss.'
            )

    def probability_maps(self, feats: tuple[Tensor]) -> Tensor:
        """Return the softmax of beta times the score maps, (B, K, H, W)."""
        return soft_maps(self.forward(feats), self.loss_module.beta)

    def keypoints(self, feats: tuple[Tensor]) -> Tensor:
        """Return the positions (B, K, 2) in pixels, with their gradient."""
        return self._pixels(expected_cells(self.probability_maps(feats)))

    def _pixels(self, cells: Tensor) -> Tensor:
        """Turn positions in cells into pixels of the crop."""
        if self.decoder is None:
            raise RuntimeError(
                'SoftArgmaxHead has no decoder; give it the codec of the '
                'training pipeline, decoder=dict(type='
                "'rcn_mmpose.CellIndex', ...)."
            )
        stride = self.decoder.stride
        return cells * stride + (stride - 1) / 2

    def decode(self, batch_outputs: Tensor) -> InstanceList:
        """Turn probability maps (B, K, H, W) into keypoints and scores."""
        maps = batch_outputs.detach()
        cells = expected_cells(maps)
        keypoints = self._pixels(cells)[:, None].cpu().numpy()
        scores = self.decoder.scores(maps, cells)
        return [
            InstanceData(keypoints=points, keypoint_scores=score)
            for points, score in zip(
                keypoints, scores[:, None].cpu().numpy(), strict=True
            )
        ]

    def predict(
        self,
        feats: Features,
        batch_data_samples: OptSampleList,
        test_cfg: ConfigType | None = None,
    ) -> Predictions:
        """Predict keypoints.

        As in :class:`SpatialSoftmaxHead`, but ``keypoint_cells`` are the
        cells in which the keypoints lie, not the most probable ones.
        """
        out = super().predict(feats, batch_data_samples, test_cfg)
        for pred in out[0] if isinstance(out, tuple) else out:
            if 'keypoint_cells' in pred:
                cells = np.floor(pred.keypoints + 0.5)
                pred.keypoint_cells = cells.astype(np.int64)
        return out
