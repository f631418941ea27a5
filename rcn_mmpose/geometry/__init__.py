"""Keypoint sets, boxes and squares: NumPy only, without images."""
