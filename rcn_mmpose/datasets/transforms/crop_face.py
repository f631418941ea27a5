"""Cutting the face out of the picture, without aliasing."""

from mmpose.datasets.transforms import TopdownAffine
from mmpose.structures.bbox import get_warp_matrix

from ...crop import oversampling, warp
from ...registry import TRANSFORMS


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
        n = oversampling(scale[0, 0], width)
        picture = results['img']
        results['img'] = picture[:1, :1]  # not warped by the base class
        results = super().transform(results)

        matrix = get_warp_matrix(
            results['input_center'],
            results['input_scale'],
            float(results.get('bbox_rotation', [0.0])[0]),
            output_size=self.input_size,
        )
        results['img'] = warp(picture, matrix, self.input_size, n)
        return results
