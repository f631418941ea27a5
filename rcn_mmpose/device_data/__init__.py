"""Training data made on the device (``tools/train.py --device-data``).

Images are decoded once into a cache of wide crops
(:mod:`~rcn_mmpose.device_data.cache`). A dataset reads the cache
(:mod:`~rcn_mmpose.device_data.dataset`). The data preprocessor applies jitter,
occlusion, normalisation and target encoding to whole batches
(:mod:`~rcn_mmpose.device_data.preprocessor`,
:mod:`~rcn_mmpose.device_data.pipeline`,
:mod:`~rcn_mmpose.device_data.warp_and_targets`).
:mod:`~rcn_mmpose.device_data.switch` changes a config accordingly.
"""

from .dataset import CachedFaceDataset, EpochSampler
from .preprocessor import CropCachePreprocessor

__all__ = ['CachedFaceDataset', 'CropCachePreprocessor', 'EpochSampler']
