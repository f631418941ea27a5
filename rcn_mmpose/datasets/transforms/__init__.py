from .crop_face import CropFace
from .face_box import FaceBox
from .lcn import LCN
from .load_grey import LoadGreyImage
from .random_occlusion import RandomOcclusion
from .uniform_jitter import UniformJitter

__all__ = [
    'LCN',
    'CropFace',
    'FaceBox',
    'LoadGreyImage',
    'RandomOcclusion',
    'UniformJitter',
]
