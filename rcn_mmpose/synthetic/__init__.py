"""Synthetic faces with exact keypoints, rendered with NumPy and OpenCV.

:func:`render_face` draws one face from a seed; ``tools/render_faces.py``
writes a dataset. From back to front an image holds a background, shoulders,
a head, glasses and things in front. The head is one implicit surface whose
shape (``parameters``, ``layout``, ``relief``, ``cover``, ``head``) is found
along the camera's rays (``camera``, ``tracing``), painted (``look``, ``skin``,
``features``) and lit (``lighting``).
"""

from .render import SyntheticFace, render_face
from .streams import child

__all__ = [
    'SyntheticFace',
    'child',
    'render_face',
]
