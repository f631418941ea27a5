"""Training data made on the device (``tools/train.py --device-data``).

Images are decoded once into a cache of wide crops (:mod:`.cache`). A dataset
reads the cache (:mod:`.dataset`). The data preprocessor applies jitter,
occlusion, normalisation and target encoding to whole batches
(:mod:`.preprocessor`, :mod:`.pipeline`, :mod:`.warp_and_targets`).
:mod:`.switch` changes a config accordingly.
"""

from .dataset import CachedFaceDataset, EpochSampler
from .preprocessor import CropCachePreprocessor

__all__ = ['CachedFaceDataset', 'CropCachePreprocessor', 'EpochSampler']
