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

# Old name -> new name of documented modules, for one version.
renamed.alias_modules(
    {
        'rcn_mmpose.boxes': 'rcn_mmpose.geometry.boxes',
        'rcn_mmpose.crop': 'rcn_mmpose.image.crop',
        'rcn_mmpose.doctor': 'rcn_mmpose.environment.diagnosis',
        'rcn_mmpose.drawing': 'rcn_mmpose.image.drawing',
        'rcn_mmpose.keypoints': 'rcn_mmpose.geometry.keypoints',
        'rcn_mmpose.lcn': 'rcn_mmpose.image.lcn',
        'rcn_mmpose.one_euro': 'rcn_mmpose.tracking.one_euro',
        'rcn_mmpose.inference.result': 'rcn_mmpose.io.output',
    }
)

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict(
        load_model='rcn_mmpose.inference.loading',
        model_files='rcn_mmpose.shipped.catalogue',
    ),
)
__all__ += ['__version__']
del lazy_names, renamed, sys  # dir(rcn_mmpose) shows what users need
