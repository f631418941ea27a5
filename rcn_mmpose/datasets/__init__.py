"""Data sets of faces and the transforms of their pictures."""

from .face import *  # noqa: F403
from .transforms import *  # noqa: F403
