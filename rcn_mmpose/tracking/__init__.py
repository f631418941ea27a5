"""Track faces in a video, with filtered keypoints."""

from __future__ import annotations

from typing import Any

from .one_euro import FilteredFace, OneEuroFilter
from .tracker import NetworkError, TrackedFace, Tracker

__all__ = [
    'FilteredFace',
    'NetworkError',
    'OneEuroFilter',
    'TrackedFace',
    'Tracker',
]


def __getattr__(name: str) -> Any:
    """Return a class by its old name."""
    if name == 'FaceTracker':
        from . import tracker

        return tracker.FaceTracker
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
