"""Necks: from a pyramid of features to one map."""

from .recombinator import Recombinator
from .refinenet import RefineNet

__all__ = ['Recombinator', 'RefineNet']
