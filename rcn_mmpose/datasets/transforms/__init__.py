from .labels import CorruptKeypoints, WithholdLabels
from .pixels import LCN, LoadGreyImage, RandomOcclusion
from .placement import (
    CropFace,
    CropKeypoints,
    FaceBox,
    FlipFace,
    UniformJitter,
)

__all__ = [
    'LCN',
    'CorruptKeypoints',
    'CropFace',
    'CropKeypoints',
    'FaceBox',
    'FlipFace',
    'LoadGreyImage',
    'RandomOcclusion',
    'UniformJitter',
    'WithholdLabels',
]
