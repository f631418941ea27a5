from .rcn import RCN

__all__ = ['RCN']
