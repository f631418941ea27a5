"""Pose estimators: training without labels, and the joint model."""

from .elt import ELTPoseEstimator
from .joint_estimator import JointEstimator

__all__ = ['ELTPoseEstimator', 'JointEstimator']
