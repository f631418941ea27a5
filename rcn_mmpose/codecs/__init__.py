"""Keypoints to cells of a map, and back."""

from .cell_index import CellIndex

__all__ = ['CellIndex']
