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

from __future__ import annotations

from ..environment.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict(
        SyntheticFace='rcn_mmpose.synthetic.render',
        child='rcn_mmpose.synthetic.streams',
        render_face='rcn_mmpose.synthetic.render',
    ),
)
