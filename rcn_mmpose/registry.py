"""The registries of the plug-in for MMPose.

The registries are children of MMEngine's registries (the codecs: of MMPose's).
Under ``default_scope='mmpose'``, a config therefore finds the parts of this
project by their prefix, as in ``type='rcn_mmpose.RCN'``.

Importing this module also applies the workarounds of :mod:`rcn_mmpose.compat`.
MMPose imports its own parts first, so an environment that needs a workaround
needs this line in the config::

    custom_imports = dict(imports=['rcn_mmpose.registry'])

The import also registers the names of the shipped models for MMPose's
inferencers.
"""

from . import compat
from .environment.requirements_check import check_stack

check_stack()
compat.activate()  # before the first import of MMCV or MMPose

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOG_PROCESSORS as MMENGINE_LOG_PROCESSORS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry
from mmpose.registry import KEYPOINT_CODECS as MMPOSE_CODECS

from .shipped.in_mmpose import add_names

SCOPE = 'rcn_mmpose'


def _registry(name: str, parent: Registry, *rooms: str) -> Registry:
    """Return a registry that imports its parts from ``rcn_mmpose.<room>`` on use."""
    return Registry(
        name,
        parent=parent,
        scope=SCOPE,
        locations=[f'{SCOPE}.{room}' for room in rooms],
    )


OPTIM_WRAPPERS = _registry('optim_wrapper', MMENGINE_OPTIM_WRAPPERS, 'engine')
MODELS = _registry('model', MMENGINE_MODELS, 'models', 'device_data')
DATASETS = _registry('dataset', MMENGINE_DATASETS, 'datasets', 'device_data')
DATA_SAMPLERS = _registry('data sampler', MMENGINE_DATA_SAMPLERS, 'device_data')
TRANSFORMS = _registry('transform', MMENGINE_TRANSFORMS, 'datasets')
METRICS = _registry('metric', MMENGINE_METRICS, 'evaluation.face_nme')
HOOKS = _registry('hook', MMENGINE_HOOKS, 'engine')
LOG_PROCESSORS = _registry('log_processor', MMENGINE_LOG_PROCESSORS, 'engine')
KEYPOINT_CODECS = _registry('KEYPOINT_CODECS', MMPOSE_CODECS, 'codecs')

add_names()
