"""Old public names, kept for one version with a DeprecationWarning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


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

    def __init__(self, moved: Mapping[str, str]) -> None:
        self.moved = moved
        # Specs of the modules that are being imported.
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return a spec for an old name, and None for other names."""
        if fullname not in self.moved:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import the module by its new name and return it."""
        new = self.moved[spec.name]
        warn_renamed(spec.name, new, stacklevel=2)
        module = importlib.import_module(new)
        self._specs[new] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the spec of the new name; the module has been executed already."""
        module.__spec__ = self._specs.pop(module.__name__)


def alias_modules(moved: Mapping[str, str]) -> None:
    """Let modules be imported by their old names. A second call does nothing.

    Args:
        moved (Mapping[str, str]): Full new name of each module, by its full
            old name.
    """
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules(moved))
