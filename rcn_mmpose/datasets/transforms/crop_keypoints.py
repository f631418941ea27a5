"""Keypoints of a crop without its picture."""

import numpy as np
from mmpose.datasets.transforms import TopdownAffine

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class CropKeypoints(TopdownAffine):
    """Find where keypoints lie in the crop; no picture is read or warped.

    For models that see keypoints alone. Keys and geometry are those of
    ``rcn_mmpose.CropFace``, but for ``img``, which is left alone.

    Args:
        input_size (tuple): Width and height of the crop in pixels.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__(input_size=tuple(input_size))

    def transform(self, results: dict) -> dict:
        """Move the keypoints of one sample."""
        stand_in = dict(results, img=np.zeros((1, 1), np.uint8))
        cropped = super().transform(stand_in)
        del cropped['img']
        return {**results, **cropped}
