from .crop_cache_preprocessor import CropCachePreprocessor
from .lcn_preprocessor import LCNDataPreprocessor

__all__ = ['CropCachePreprocessor', 'LCNDataPreprocessor']
