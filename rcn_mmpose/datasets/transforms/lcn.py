"""Local contrast normalisation as a step of a pipeline."""

import torch
from mmcv.transforms import BaseTransform

from ...lcn import local_contrast_normalize
from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class LCN(BaseTransform):
    """Normalise the local contrast of a grey crop, on the host.

    For models with another data preprocessor than ``LCNDataPreprocessor``,
    which does the same on the device. Comes after the crop and the occlusion.

    Modified key: ``img``, (H, W) uint8 to float32, centred at 0.5.
    """

    def transform(self, results: dict) -> dict:
        """Normalise one crop."""
        img = torch.from_numpy(results['img'])
        results['img'] = local_contrast_normalize(img[None, None])[
            0, 0
        ].numpy()
        return results
