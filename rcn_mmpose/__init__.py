"""Recombinator Networks for MMPose.

Importing the package does nothing but name its version.  A config gets
its models with ``custom_imports = dict(imports=['rcn_mmpose.registry'],
allow_failed_imports=False)``; a program with ``import
rcn_mmpose.registry`` before it imports MMPose.  :func:`load_model` finds
keypoints in images, :func:`model_files` finds the files of models that
ship; they are imported on their first use.
"""

import sys
from typing import Any

if sys.version_info < (3, 10):  # noqa: UP036 - a copy is asked by no pip
    raise ImportError(
        f'This is Python {sys.version_info[0]}.{sys.version_info[1]}; '
        'rcn_mmpose needs 3.10 or newer: make PYTHON=python3.11 install'
    )

from .environment import renamed
from .version import __version__

renamed.install()

__all__ = ['__version__', 'load_model', 'model_files']


def __getattr__(name: str) -> Any:
    """Import what is not needed by everyone."""
    if name == 'load_model':
        from .inference import load_model

        return load_model
    if name == 'model_files':
        from .shipped.catalogue import model_files

        return model_files
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
