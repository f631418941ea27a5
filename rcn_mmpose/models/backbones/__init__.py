from .rcn import RCN
from .sumnet import SumNet
from .tcdcn import TCDCN
from .trunk import Trunk

__all__ = ['RCN', 'SumNet', 'TCDCN', 'Trunk']
