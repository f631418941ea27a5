"""Heads: from features to score maps, loss and keypoints."""

from .lrr_head import LRRHead
from .score_map_head import ScoreMapHead
from .soft_argmax_head import SoftArgmaxHead
from .spatial_softmax_head import SpatialSoftmaxHead
from .sumnet_head import SumNetHead

__all__ = [
    'LRRHead',
    'ScoreMapHead',
    'SoftArgmaxHead',
    'SpatialSoftmaxHead',
    'SumNetHead',
]
