"""Track faces in a video, with filtered keypoints."""

from .one_euro import OneEuroFilter
from .tracker import FaceTracker, TrackedFace

__all__ = ['FaceTracker', 'OneEuroFilter', 'TrackedFace']
