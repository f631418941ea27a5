"""Calibration of confidence, covariance and detector boxes on validation faces."""
