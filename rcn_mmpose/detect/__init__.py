"""Finding faces in images: boxes where none are given.

A detector is any function from an image, uint8 (H, W) grey or (H, W, 3) BGR,
to the boxes of its faces, (N, 4) as (x1, y1, x2, y2) in pixels;
``load_model(..., detector=...)`` takes one. Two are here:

- :class:`~.haar.HaarDetector`, which works offline with what OpenCV ships;
- :class:`~.mmdet_detector.MMDetDetector`, for a detector of MMDetection that
  the user has.

Both turn what the detector means by a face into the square that the models
were trained on; :mod:`~.calibrate` measures how, for any detector.
"""

from __future__ import annotations

import importlib
from typing import Any

_FROM = dict(
    HaarDetector='haar',
    MMDetDetector='mmdet_detector',
    detect_faces_for='haar',
)

__all__ = list(_FROM)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _FROM:
        raise AttributeError(f'module {__name__!r} has no {name!r}')
    return getattr(importlib.import_module(f'.{_FROM[name]}', __name__), name)
