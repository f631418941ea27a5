"""Cutting the face out of the picture, without aliasing."""

import math

import cv2
from mmpose.datasets.transforms import TopdownAffine
from mmpose.structures.bbox import get_warp_matrix

from ...registry import TRANSFORMS

# Bounds the memory that an absurdly large box can ask for.
MAX_OVERSAMPLING = 64


@TRANSFORMS.register_module()
class CropFace(TopdownAffine):
    """Warp the face box to the network's input, averaging over area.

    MMPose's ``TopdownAffine`` reads one bilinear sample a pixel and so skips
    pixels of a large face. Here the warp is drawn n times finer, n being the
    reduction rounded up, and each n x n block is averaged. Keys and geometry
    are those of ``TopdownAffine``; beyond the picture everything is black.

    Args:
        input_size (tuple): Width and height of the crop in pixels.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__(input_size=tuple(input_size))

    def transform(self, results: dict) -> dict:
        """Crop one sample."""
        width, height = self.input_size
        scale = self._fix_aspect_ratio(results['bbox_scale'], width / height)
        n = math.ceil(float(scale[0, 0]) / width - 1e-6)
        n = min(max(n, 1), MAX_OVERSAMPLING)
        picture = results['img']
        results['img'] = picture[:1, :1]  # not warped by the base class
        results = super().transform(results)

        matrix = get_warp_matrix(
            results['input_center'],
            results['input_scale'],
            float(results.get('bbox_rotation', [0.0])[0]),
            output_size=self.input_size,
        )
        # Fine pixels n*x .. n*x + n-1 make up pixel x of the crop.
        matrix = matrix * n
        matrix[:, 2] += (n - 1) / 2
        fine = cv2.warpAffine(
            picture, matrix, (width * n, height * n), flags=cv2.INTER_LINEAR
        )
        if n > 1:
            fine = cv2.resize(
                fine, self.input_size, interpolation=cv2.INTER_AREA
            )
        results['img'] = fine
        return results
