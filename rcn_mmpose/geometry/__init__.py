"""Keypoint sets and bounding boxes: NumPy only, without images."""
