"""Metrics of faces: the normalised mean error and its distribution.

Importing this package does not import the metric, because tables and curves of
errors need neither MMEngine nor torch.
"""

from __future__ import annotations

from typing import Any

__all__ = ['FaceNME']


def __getattr__(name: str) -> Any:
    """Import the metric on its first use."""
    if name == 'FaceNME':
        from .face_nme import FaceNME

        return FaceNME
    raise AttributeError(f'module {__name__!r} has no {name!r}')
