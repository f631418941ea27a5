from .corrupt_keypoints import CorruptKeypoints
from .crop_face import CropFace
from .crop_keypoints import CropKeypoints
from .face_box import FaceBox
from .flip_face import FlipFace
from .lcn import LCN
from .load_grey import LoadGreyImage
from .random_occlusion import RandomOcclusion
from .uniform_jitter import UniformJitter
from .withhold_labels import WithholdLabels

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
