"""Synthetic faces with exact keypoints, rendered with NumPy and OpenCV.

:func:`~rcn_mmpose.synthetic.render.render_face` renders one face from a seed.
``tools/render_faces.py`` writes a dataset. From back to front an image holds a
background, shoulders, a head, glasses and occluders.

The head is one implicit surface:

- Its shape is in ``parameters``, ``layout``, ``relief``, ``cover``, ``head``.
- ``camera`` and ``tracing`` find the surface along the camera's rays.
- ``look``, ``skin`` and ``features`` paint the surface.
- ``lighting`` lights the surface.
"""

from .render import SyntheticFace, render_face
from .streams import child

__all__ = [
    'SyntheticFace',
    'child',
    'render_face',
]
