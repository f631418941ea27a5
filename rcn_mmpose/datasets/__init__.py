"""Data sets of faces and the transforms of their pictures."""

from .cached_faces import CachedFaceDataset  # noqa: F401
from .epoch_sampler import EpochSampler  # noqa: F401
from .face import *  # noqa: F403
from .transforms import *  # noqa: F403
