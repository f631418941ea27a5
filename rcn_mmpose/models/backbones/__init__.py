"""Backbones: from crops, or one-hot maps, to features."""

from .large_kernel_net import LargeKernelNet
from .rcn import RCN
from .sumnet import SumNet
from .tcdcn import TCDCN
from .trunk import Trunk

__all__ = ['LargeKernelNet', 'RCN', 'SumNet', 'TCDCN', 'Trunk']
