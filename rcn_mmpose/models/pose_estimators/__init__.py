from .elt import ELTPoseEstimator
from .joint_estimator import JointEstimator

__all__ = ['ELTPoseEstimator', 'JointEstimator']
