"""Images: reading, cropping, contrast normalisation, drawing.

Importing this package imports none of its modules. Most of them need OpenCV;
:mod:`rcn_mmpose.image.lcn` needs PyTorch; :mod:`rcn_mmpose.image.limits`
needs neither.
"""
