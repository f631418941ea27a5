from .aflw5 import AFLW5Dataset
from .afw import AFWDataset
from .face_dataset import FaceDataset
from .mtfl import MTFLDataset
from .own_faces import OwnFaceDataset
from .w300 import W300Dataset
from .w300_five_points import W300FivePointsDataset

__all__ = [
    'AFLW5Dataset',
    'AFWDataset',
    'FaceDataset',
    'MTFLDataset',
    'OwnFaceDataset',
    'W300Dataset',
    'W300FivePointsDataset',
]
