from .recombinator import Recombinator
from .refinenet import RefineNet

__all__ = ['Recombinator', 'RefineNet']
