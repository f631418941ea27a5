"""Metrics of faces: the normalised mean error and its distribution.

Importing this package does not import the metric, because tables and curves of
errors need neither MMEngine nor torch.
"""

from __future__ import annotations

from ..environment.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, dict(FaceNME='rcn_mmpose.evaluation.face_nme')
)
