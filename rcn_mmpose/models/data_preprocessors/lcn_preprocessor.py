"""Local contrast normalisation on the device, inside the model."""

import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor

from ...image.lcn import FLOORS, local_contrast_normalize
from ...registry import MODELS


@MODELS.register_module()
class LCNDataPreprocessor(PoseDataPreprocessor):
    """Stack raw grey crops and normalise their local contrast.

    Args:
        batch_floor_in_training (bool): In training, bound the gain by the
            mean over the whole batch, as the paper's code does. Evaluation
            always takes each image by itself. Defaults to False.
        non_blocking (bool, optional): Copy to the device asynchronously.
    """

    def __init__(
        self,
        batch_floor_in_training: bool = False,
        non_blocking: bool | None = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.train_floor = FLOORS[int(batch_floor_in_training)]

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
                    'raw uint8 ones: something in the pipeline (the '
                    'transform rcn_mmpose.LCN?) has normalised them. Keep '
                    'one of the two.'
                )
        data = super().forward(data, training)
        floor = self.train_floor if training else 'image'
        data['inputs'] = local_contrast_normalize(data['inputs'], floor)
        return data
