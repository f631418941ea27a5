"""Workarounds that let MMPose 1.3.2 run with current packages.

The last releases of MMPose, MMDetection and MMCV are of 2024; torch, numpy,
setuptools and Python have newer versions. Each workaround below repairs one
fault. It first tries the original code and does nothing if that works, so a
fixed release switches the workaround off. ``python -m rcn_mmpose doctor`` lists
the active workarounds and how to make each one unnecessary.

:func:`activate` must run before ``mmpose.models`` is imported. MMPose imports
``mmpose.models`` late, at the first lookup in its registry. Importing
``rcn_mmpose.registry``, also by ``custom_imports``, is early enough.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import os.path as osp
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, NoReturn


@dataclass
class Workaround:
    """One fault in another package, and its repair.

    Attributes:
        name: Short name.
        fault: The fault, and the limits of the repair.
        versions: Versions that have the fault.
        cure: How to make the workaround unnecessary.
        apply: Applies the workaround if it is needed; returns the reason, or
            an empty string.
        reason: Why the workaround is active; empty if it is not.
    """

    name: str
    fault: str
    versions: str
    cure: str
    apply: Callable[[], str]
    reason: str = ''

    @property
    def active(self) -> bool:
        """Whether the workaround is applied."""
        return bool(self.reason)


WORKAROUNDS: list[Workaround] = []  # in the order in which they are applied
_lock = threading.RLock()
_done = False


def activate() -> None:
    """Apply every workaround that this environment needs.

    A second call does nothing. Packages that are not installed are skipped;
    the import that needs them raises the clearer error.
    """
    global _done
    with _lock:
        if not _done:
            for workaround in WORKAROUNDS:
                workaround.reason = workaround.apply()
            _done = True


def active() -> list[Workaround]:
    """Return the workarounds that are applied."""
    return [workaround for workaround in WORKAROUNDS if workaround.active]


def _workaround(
    name: str, fault: str, versions: str, cure: str
) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Return a decorator that adds a workaround to :data:`WORKAROUNDS`."""

    def register(apply: Callable[[], str]) -> Callable[[], str]:
        WORKAROUNDS.append(Workaround(name, fault, versions, cure, apply))
        return apply

    return register


def release(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version."""
    major, minor = version.split('.')[:2]
    return int(major), int(minor)


def _failure(name: str) -> str:
    """Import a module; return the error in one line, '' on success.

    All exceptions are caught: a binary for another version raises ValueError
    (numpy) or RuntimeError (torch), a refused version AssertionError.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            importlib.import_module(name)
    except Exception as error:
        return f'{type(error).__name__}: {error}'.splitlines()[0]
    return ''


def _forget(name: str) -> None:
    """Remove a package and its modules from ``sys.modules``."""
    for key in list(sys.modules):
        if key == name or key.startswith(f'{name}.'):
            del sys.modules[key]


def _stub(name: str, **attributes: Any) -> None:
    """Replace a module by a stub."""
    module = ModuleType(name, 'Stub of rcn_mmpose.compat.')
    # The spec has no loader, so that pkgutil.find_loader, which MMEngine calls
    # to look for MMCV's operators, returns None.
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__path__ = []
    vars(module).update(attributes)
    sys.modules[name] = module


class _PkgResources(MetaPathFinder, Loader):
    """Finds a ``pkg_resources`` built on ``importlib.metadata``.

    This is a finder and not a stub in ``sys.modules``, because MMEngine reloads
    the module at each use.
    """

    class DistributionNotFound(Exception):
        """The package is not installed."""

    class Distribution:
        """The part of a distribution that MMEngine uses."""

        def __init__(self, name: str) -> None:
            try:
                self._real = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError as error:
                raise _PkgResources.DistributionNotFound(name) from error
            self.location = str(self._real.locate_file(''))
            modules = self.get_metadata('top_level.txt').split()
            if modules and not osp.exists(osp.join(self.location, modules[0])):
                spec = importlib.util.find_spec(modules[0])  # editable
                if spec is not None and spec.origin is not None:
                    self.location = osp.dirname(osp.dirname(spec.origin))

        def has_metadata(self, name: str) -> bool:
            """Return whether the metadata has a file with the name."""
            return self._real.read_text(name) is not None

        def get_metadata(self, name: str) -> str:
            """Return a file of the metadata."""
            return self._real.read_text(name) or ''

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return a spec for ``pkg_resources`` only."""
        return ModuleSpec(name, self) if name == 'pkg_resources' else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the names that MMEngine uses."""
        vars(module).update(
            DistributionNotFound=self.DistributionNotFound,
            get_distribution=self.Distribution,
        )


@_workaround(
    'pkg_resources',
    'mmengine finds packages by pkg_resources, which is missing; '
    'importlib.metadata replaces it. A config that inherits from mmpose:: is '
    'read before the workaround can be applied.',
    'mmengine <= 0.10.7 with setuptools >= 82 or none, or with setuptools '
    '< 66 on Python 3.12',
    'install setuptools 66 to 81',
)
def _fix_pkg_resources() -> str:
    reason = _failure('pkg_resources')
    if reason:
        _forget('pkg_resources')
        sys.meta_path.insert(0, _PkgResources())
    # The original module warns each time that MMEngine reloads it.
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
    return reason


@_workaround(
    'six',
    'mmpose.models imports six, which MMPose does not require; a stub '
    'provides its map and zip',
    'mmpose <= 1.3.2',
    'install six',
)
def _fix_six() -> str:
    reason = _failure('six.moves')
    if reason:
        _stub('six')
        _stub('six.moves', map=map, zip=zip)
    return reason


@_workaround(
    'xtcocotools',
    'mmpose.datasets imports xtcocotools, whose wheels need numpy 1 and Python '
    '3.11 or older; pycocotools replaces it, without the crowd and whole-body '
    'evaluation',
    'mmpose <= 1.3.2 with xtcocotools <= 1.14.3',
    'build xtcocotools from source with the installed numpy (compiler)',
)
def _fix_xtcocotools() -> str:
    reason = _failure('xtcocotools.coco')
    if not reason or _failure('pycocotools.cocoeval'):
        return ''
    from pycocotools import coco, cocoeval, mask

    class COCOeval(cocoeval.COCOeval):
        """pycocotools' COCOeval with the two further arguments of xtcocotools."""

        def __init__(
            self,
            gt: Any = None,
            dt: Any = None,
            iou_type: str = 'keypoints',
            sigmas: Any = None,
            use_area: bool = True,
        ) -> None:
            if iou_type not in ('keypoints', 'bbox', 'segm') or not use_area:
                raise RuntimeError(
                    f'COCOeval got iou_type={iou_type!r}, use_area='
                    f"{use_area}; pycocotools has 'keypoints', 'bbox' and "
                    "'segm' with use_area=True. For others build "
                    'xtcocotools from source.'
                )
            super().__init__(gt, dt, iou_type)
            if sigmas is not None:
                self.params.kpt_oks_sigmas = sigmas

    _forget('xtcocotools')
    _stub('xtcocotools', coco=coco, mask=mask)
    _stub('xtcocotools.cocoeval', COCOeval=COCOeval, Params=cocoeval.Params)
    sys.modules['xtcocotools.coco'] = coco
    sys.modules['xtcocotools.mask'] = mask
    return reason


@_workaround(
    'weights_only',
    'torch.load refuses types that checkpoints of MMEngine hold beside '
    'tensors; the harmless types are allowed',
    'mmengine <= 0.10.7 with torch >= 2.6',
    'none is needed: a list of allowed types is the safe way',
)
def _fix_weights_only() -> str:
    if _failure('torch') or _failure('mmengine.logging'):
        return ''
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    if release(torch.__version__) < (2, 6):
        return ''  # torch.load checks no types; the doctor warns

    def history_getattr(owner: Any, name: str) -> Any:
        # The real getattr on the allow-list would give access to everything.
        if owner is not HistoryBuffer or name not in (
            ('min', 'max', 'mean', 'current')
        ):
            raise UnpicklingError(f'getattr({owner!r}, {name!r}) is refused.')
        return getattr(owner, name)

    allowed = [np.ndarray, np.dtype, bytes, HistoryBuffer]
    allowed += [(history_getattr, 'builtins.getattr')]
    allowed += [type(np.dtype(code)) for code in '?bBhHiIlLqQefd']
    for package in ('numpy.core', 'numpy._core'):  # numpy 1 and 2
        for example in (np.zeros(0), np.float64(0)):
            function: Any = example.__reduce__()[0]
            path = f'{package}.multiarray.{function.__name__}'
            allowed.append((function, path))
    torch.serialization.add_safe_globals(allowed)
    return 'MMEngine writes numpy arrays and its HistoryBuffer'


@_workaround(
    'weights_only by URL',
    'a checkpoint from a URL is unpickled without restrictions, so a malicious '
    'file can run code; it is loaded like a checkpoint from a file. To load a '
    'trusted file without the check, set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1',
    'mmengine <= 0.10.7; torch.hub up to 2.13 at least',
    'none is known',
)
def _fix_weights_by_url() -> str:
    if _failure('torch') or _failure('mmengine.runner.checkpoint'):
        return ''
    import inspect

    from mmengine.runner import checkpoint

    asked = inspect.signature(checkpoint.load_url).parameters
    if 'weights_only' not in asked or asked['weights_only'].default:
        return ''
    original = checkpoint.load_url

    def load_url(*args: Any, **kwargs: Any) -> Any:
        """Load a checkpoint from a URL with the checks for a file."""
        trusted = os.environ.get('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '0')
        kwargs.setdefault('weights_only', trusted not in ('1', 'true', 'y'))
        return original(*args, **kwargs)

    checkpoint.load_url = load_url
    return 'torch.hub.load_state_dict_from_url unpickles without restrictions'


@_workaround(
    'weights_only of the fork',
    'a refused checkpoint is unpickled without restrictions after all, and the '
    'list of allowed types is cleared after the first load; torch.load is '
    'called directly',
    'onedl-mmengine 0.10.12',
    'install mmengine 0.10.7 instead',
)
def _fix_fallback_of_the_fork() -> str:
    if _failure('torch') or _failure('mmengine.runner.checkpoint'):
        return ''
    import torch
    from mmengine.runner import checkpoint

    if not hasattr(checkpoint, '_safe_torch_load'):
        return ''
    checkpoint._safe_torch_load = torch.load
    return 'its _safe_torch_load falls back to weights_only=False'


@_workaround(
    'config in a checkpoint',
    "resuming a training runs a text of the checkpoint, meta['config'], as "
    'Python code; the text is removed',
    'mmengine <= 0.10.7',
    'none is known',
)
def _fix_config_in_checkpoint() -> str:
    if _failure('torch') or _failure('mmengine.runner'):
        return ''
    import inspect

    from mmengine.runner import Runner

    if 'Config.fromstring' not in inspect.getsource(Runner.resume):
        return ''
    original = Runner.load_checkpoint

    def load_checkpoint(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Load a checkpoint without the text that would be run."""
        checkpoint = original(self, *args, **kwargs)
        checkpoint.get('meta', {}).pop('config', None)
        return checkpoint

    Runner.load_checkpoint = load_checkpoint
    return "Runner.resume runs meta['config']"


@_workaround(
    'mmcv operators',
    'mmpose.models imports mmcv.ops, which needs the compiled mmcv._ext; '
    'an operator raises an error when it is called',
    'mmpose <= 1.3.2 with mmcv-lite, or with an mmcv built for another torch',
    'build mmcv 2.1.0 for the installed torch instead of mmcv-lite (compiler)',
)
def _fix_mmcv_operators() -> str:
    if _failure('mmcv'):
        return ''
    reason = _failure('mmcv._ext')
    if not reason:
        return ''

    def operator(name: str) -> Callable[..., NoReturn]:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> NoReturn:
            raise RuntimeError(
                f'The operator {name!r} of mmcv was called, but its compiled '
                f'operators are missing ({reason}). Use a model without '
                'it, or build mmcv 2.1.0 for the installed torch in place '
                'of mmcv-lite.'
            )

        return missing

    # MMEngine calls these two functions to describe the environment.
    info = dict.fromkeys(
        ('get_compiler_version', 'get_compiling_cuda_version'), lambda: 'n/a'
    )
    _stub('mmcv._ext', __getattr__=operator, **info)
    return reason


@_workaround(
    'mmdet',
    'mmpose.models imports mmdet.utils, and mmdet is missing or refuses '
    'this mmcv; a stub provides the two imported names, but not the detectors '
    'of MMDetection',
    'mmpose <= 1.3.2; mmdet <= 3.3.0 with mmcv >= 2.2.0',
    'install mmdet 3.3.0 with mmcv-lite or mmcv 2.1.0',
)
def _fix_mmdet() -> str:
    if _failure('mmcv'):
        return ''
    reason = _failure('mmdet.utils')
    if reason:
        from mmengine.dist import all_reduce

        def reduce_mean(tensor: Any) -> Any:
            """Return the mean over all processes."""
            tensor = tensor.clone()
            all_reduce(tensor, 'mean')
            return tensor

        _forget('mmdet')
        _stub('mmdet')
        _stub('mmdet.utils', ConfigType=dict, reduce_mean=reduce_mean)
    return reason


@_workaround(
    'torchvision',
    'mmpose.visualization imports one class of torchvision, to draw SimCC '
    'heatmaps; a stub provides it. A broken torchvision is hidden.',
    'mmpose <= 1.3.2 without torchvision, or with a build for another torch',
    'install the torchvision of the installed torch',
)
def _fix_torchvision() -> str:
    reason = _failure('torchvision.transforms')
    spec = importlib.util.find_spec('mmpose') if reason else None
    name = 'mmpose.visualization.simcc_vis'
    if spec is None or spec.origin is None or name in sys.modules:
        return ''

    class ToPILImage:
        """Convert a (H, W) or (1, H, W) tensor in [0, 1] into a PIL image."""

        def __call__(self, tensor: Any) -> Any:
            from PIL import Image

            grey = tensor.detach().cpu().reshape(tensor.shape[-2:])
            return Image.fromarray(grey.mul(255).byte().numpy())

    # Import the only module that needs torchvision here, with a stub that is
    # removed afterwards. All other modules find no torchvision, which they can
    # handle; a broken torchvision would stop each training.
    path = osp.join(osp.dirname(spec.origin), 'visualization', 'simcc_vis.py')
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return ''
    module = importlib.util.module_from_spec(spec)
    _forget('torchvision')
    _stub('torchvision')
    _stub('torchvision.transforms', ToPILImage=ToPILImage)
    try:
        spec.loader.exec_module(module)
    except Exception:
        return ''  # another fault, which the import of MMPose reports
    finally:
        _forget('torchvision')
    # None makes imports of torchvision fail; typeshed has no None here
    sys.modules['torchvision'] = None  # type: ignore[assignment]
    sys.modules[name] = module
    return reason


@_workaround(
    'draw_circles',
    'PoseLocalVisualizer converts an array of one number to int to draw a '
    'keypoint; the number is passed instead',
    'mmpose <= 1.3.2 with numpy >= 2.4',
    'install a numpy below 2.4',
)
def _fix_draw_circles() -> str:
    if _failure('numpy'):
        return ''
    import numpy as np

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            int(np.ones(1))
        return ''
    except TypeError as error:
        reason = f'TypeError: {error}'
    if _failure('mmpose.visualization'):
        return ''
    from mmpose.visualization import opencv_backend_visualizer as module

    visualizer = module.OpencvBackendVisualizer
    original = visualizer.draw_circles

    def draw_circles(self: Any, center: Any, radius: Any, **kwargs: Any) -> Any:
        """Call the original method with a number as the radius."""
        if self.backend == 'opencv':
            radius = np.asarray(radius).item()
        return original(self, center, radius, **kwargs)

    visualizer.draw_circles = draw_circles
    return reason
