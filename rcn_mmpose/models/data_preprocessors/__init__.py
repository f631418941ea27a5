"""Data preprocessors: normalisation on the device, inside the model."""

from .lcn_preprocessor import LCNDataPreprocessor

__all__ = ['LCNDataPreprocessor']
