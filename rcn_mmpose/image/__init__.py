"""Images: reading, cropping, contrast normalisation, drawing.

Importing this package imports none of its modules; most need OpenCV, and
:mod:`rcn_mmpose.image.lcn` needs PyTorch.
"""
