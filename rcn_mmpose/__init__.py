"""Recombinator Networks for MMPose.

Importing the package imports neither torch nor MMPose. A config gets its
models by ``custom_imports = dict(imports=['rcn_mmpose.registry'],
allow_failed_imports=False)``; a program by ``import rcn_mmpose.registry``
before it imports MMPose. :func:`~rcn_mmpose.inference.loading.load_model`
loads a model that finds keypoints in images, and
:func:`~rcn_mmpose.shipped.catalogue.model_files` returns the files of a
shipped model.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - a copied folder never met pip
    raise ImportError(
        f'This is Python {sys.version_info[0]}.{sys.version_info[1]}; '
        'rcn_mmpose needs 3.10 or newer: make PYTHON=python3.11 install'
    )

from .environment import renamed
from .environment.lazy import lazy_names
from .version import __version__

renamed.install()

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict(
        load_model='rcn_mmpose.inference.loading',
        model_files='rcn_mmpose.shipped.catalogue',
    ),
)
__all__ += ['__version__']
