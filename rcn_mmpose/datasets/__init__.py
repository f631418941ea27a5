"""Datasets of faces and the transforms of their images."""

from .face import *  # noqa: F403
from .transforms import *  # noqa: F403
