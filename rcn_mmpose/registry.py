"""Registries of the plug-in.

They are siblings of MMEngine's (the codecs: a child of MMPose's), so under
``default_scope='mmpose'`` any config finds our parts by their prefix, as in
``type='rcn_mmpose.RCN'``. Importing this module also repairs what today's
package versions break in MMPose (see :mod:`rcn_mmpose.compat`). MMPose's own
parts are looked up first, so where it needs the repairs a config needs this
one line::

    custom_imports = dict(imports=['rcn_mmpose.registry'])

MMPose's inferencers learn the names of the models that ship with us.
"""

from . import compat
from .environment.requirements_check import check_stack

check_stack()
compat.activate()  # before anything of MMCV or MMPose is imported

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry
from mmpose.registry import KEYPOINT_CODECS as MMPOSE_CODECS

from .shipped.in_mmpose import add_names

SCOPE = 'rcn_mmpose'


def _registry(name: str, parent: Registry, *rooms: str) -> Registry:
    """Make one registry; its parts are in ``rcn_mmpose.<room>``, imported on use."""
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
KEYPOINT_CODECS = _registry('KEYPOINT_CODECS', MMPOSE_CODECS, 'codecs')

add_names()
