"""Random shift, scale and rotation of the crop (paper, footnote 7)."""

import numpy as np
from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class UniformJitter(BaseTransform):
    """Move, scale and rotate the crop by uniformly drawn amounts.

    MMPose's ``RandomBBoxTransform`` draws from truncated normals instead.

    Required keys: ``bbox_center`` (1, 2), ``bbox_scale`` (1, 2). Modified:
    both. Added: ``bbox_rotation`` (1,) in degrees.

    Args:
        shift (float): Largest shift along each axis, as a part of the box's
            side. Defaults to 0.1.
        scale (float): Largest change of the side, as a part of it. Defaults
            to 0.1.
        rotation (float): Largest rotation in degrees. Defaults to 40.

    Raises:
        ValueError: If a value is negative, or ``scale`` is 1 or more.
    """

    def __init__(
        self, shift: float = 0.1, scale: float = 0.1, rotation: float = 40.0
    ) -> None:
        if min(shift, scale, rotation) < 0 or scale >= 1:
            raise ValueError(
                f'shift={shift}, scale={scale}, rotation={rotation}; give '
                'values of 0 or more, and a scale below 1.'
            )
        self.shift = shift
        self.scale = scale
        self.rotation = rotation

    def transform(self, results: dict) -> dict:
        """Jitter the box of one sample."""
        dx, dy, zoom, turn = np.random.uniform(-1, 1, 4).astype(np.float32)
        side = results['bbox_scale']
        results['bbox_center'] = results[
            'bbox_center'
        ] + side * self.shift * np.stack((dx, dy))
        results['bbox_scale'] = side * (1 + self.scale * zoom)
        results['bbox_rotation'] = np.array([self.rotation * turn])
        return results
