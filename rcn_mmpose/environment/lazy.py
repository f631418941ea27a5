"""Lazy imports: the public names of a package, imported on first use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .missing import named_cure


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Importing the package then does not import the modules.

    Args:
        package (str): ``__name__`` of the package.
        modules (Mapping[str, str]): Full name of the module that defines each
            public name.
    """

    def __getattr__(name: str) -> Any:
        """Import a public name on its first use."""
        if name not in modules:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        with named_cure():
            return getattr(importlib.import_module(modules[name]), name)

    def __dir__() -> list[str]:
        """List all names, imported or not."""
        return sorted({*vars(sys.modules[package]), *modules})

    return __getattr__, __dir__, sorted(modules)
