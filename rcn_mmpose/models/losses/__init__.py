"""Losses on score maps and keypoints."""

from .equivariant_landmarks import EquivariantLandmarkLoss
from .soft_argmax import SoftArgmaxLoss
from .spatial_cross_entropy import SpatialCrossEntropyLoss

__all__ = [
    'EquivariantLandmarkLoss',
    'SoftArgmaxLoss',
    'SpatialCrossEntropyLoss',
]
