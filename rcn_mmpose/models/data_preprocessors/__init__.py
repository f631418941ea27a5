from .lcn_preprocessor import LCNDataPreprocessor

__all__ = ['LCNDataPreprocessor']
