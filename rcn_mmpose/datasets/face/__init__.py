from .aflw5 import AFLW5Dataset
from .face_dataset import FaceDataset
from .mtfl import MTFLDataset

__all__ = ['AFLW5Dataset', 'FaceDataset', 'MTFLDataset']
