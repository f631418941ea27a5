"""Data preprocessor: local contrast normalisation (LCN) on the device."""

from __future__ import annotations

import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor

from ...image.lcn import local_contrast_normalize
from ...registry import MODELS


@MODELS.register_module()
class LCNDataPreprocessor(PoseDataPreprocessor):
    """Stack raw grey crops and normalise their local contrast.

    Args:
        batch_floor_in_training (bool): In training, limit the gain by the
            mean over the whole batch, as in the 2016 release. Evaluation
            always normalises each image by itself. Defaults to False.
        non_blocking (bool, optional): Copy to the device asynchronously.
    """

    def __init__(
        self,
        batch_floor_in_training: bool = False,
        non_blocking: bool | None = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.train_floor = 'batch' if batch_floor_in_training else 'image'

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalise a batch.

        Args:
            data (dict): ``inputs``, grey uint8 crops (1, H, W), and
                ``data_samples``.
            training (bool): Whether this is a training step.

        Returns:
            dict: ``inputs`` (B, 1, H, W) float32 and ``data_samples``.

        Raises:
            ValueError: If the crops are not raw uint8 images.
        """
        for crop in data['inputs']:
            if crop.dtype != torch.uint8:
                raise ValueError(
                    f'LCNDataPreprocessor got {crop.dtype} crops instead of '
                    'raw uint8 crops: a transform of the pipeline '
                    '(rcn_mmpose.LCN?) has normalised them. Keep either that '
                    'transform or this preprocessor.'
                )
        data = super().forward(data, training)
        floor = self.train_floor if training else 'image'
        data['inputs'] = local_contrast_normalize(data['inputs'], floor)
        return data
