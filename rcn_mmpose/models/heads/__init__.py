from .lrr_head import LRRHead
from .soft_argmax_head import SoftArgmaxHead
from .spatial_softmax_head import SpatialSoftmaxHead
from .sumnet_head import SumNetHead

__all__ = ['LRRHead', 'SoftArgmaxHead', 'SpatialSoftmaxHead', 'SumNetHead']
