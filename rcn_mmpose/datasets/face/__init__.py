from .face_dataset import FaceDataset
from .mtfl import AFLW5Dataset, AFWDataset, MTFLDataset
from .own_faces import OwnFaceDataset
from .w300 import W300Dataset, W300FivePointsDataset

__all__ = [
    'AFLW5Dataset',
    'AFWDataset',
    'FaceDataset',
    'MTFLDataset',
    'OwnFaceDataset',
    'W300Dataset',
    'W300FivePointsDataset',
]
