"""Keypoint sets, bounding boxes and squares: NumPy only, no image."""
