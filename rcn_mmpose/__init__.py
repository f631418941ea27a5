"""Recombinator Networks for MMPose.

Importing the package does nothing but name its version.  A config gets
its models with ``custom_imports = dict(imports=['rcn_mmpose.registry'],
allow_failed_imports=False)``; a program with ``import
rcn_mmpose.registry`` before it imports MMPose.
"""

from .version import __version__

__all__ = ['__version__']
