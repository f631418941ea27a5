"""Old public names, kept for one version with a DeprecationWarning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Old module -> new module. Documented modules only.
MOVED_MODULES = {
    'rcn_mmpose.boxes': 'rcn_mmpose.geometry.boxes',
    'rcn_mmpose.crop': 'rcn_mmpose.image.crop',
    'rcn_mmpose.doctor': 'rcn_mmpose.environment.diagnosis',
    'rcn_mmpose.drawing': 'rcn_mmpose.image.drawing',
    'rcn_mmpose.keypoints': 'rcn_mmpose.geometry.keypoints',
    'rcn_mmpose.lcn': 'rcn_mmpose.image.lcn',
    'rcn_mmpose.one_euro': 'rcn_mmpose.tracking.one_euro',
    'rcn_mmpose.inference.result': 'rcn_mmpose.io.result',
}


def warn_renamed(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn that an old name is used.

    Args:
        old (str): The name that the caller used.
        new (str): The name to use instead.
        stacklevel (int): As in :func:`warnings.warn`; the default names the
            line that called the function that calls this one.
    """
    warnings.warn(
        f'{old} is now {new}; the old name will be removed in version 0.2.',
        DeprecationWarning,
        stacklevel=stacklevel,
    )


def renamed_property(old: str, new: str) -> Any:
    """Return a read-only property that forwards an old attribute to a new one."""

    def get(self: object) -> Any:
        kind = type(self).__name__
        warn_renamed(f'{kind}.{old}', f'{kind}.{new}')
        return getattr(self, new)

    return property(get, doc=f'Old name of ``{new}``.')


class _MovedModules(MetaPathFinder, Loader):
    """Import a moved module by its old name."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}  # of modules on import

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Answer for old names only."""
        if fullname not in MOVED_MODULES:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module at its new place; both names are one module."""
        new = MOVED_MODULES[spec.name]
        warn_renamed(spec.name, new, stacklevel=2)
        module = importlib.import_module(new)
        self._specs[new] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec: it has been executed already."""
        module.__spec__ = self._specs.pop(module.__name__)


def install() -> None:
    """Let old module names be imported. A second call does nothing."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules())
