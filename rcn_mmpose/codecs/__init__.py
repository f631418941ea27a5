"""Codec between keypoints and cells of a map, decoding, calibration."""

from .cell_index import CellIndex

__all__ = ['CellIndex']
