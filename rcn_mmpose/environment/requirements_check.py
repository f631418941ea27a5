"""Check that the packages which the plug-in for MMPose needs are installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util

NEEDED = ('torch', 'mmengine', 'mmcv', 'mmpose')
CURE = (
    '`make install` builds an environment with all of them from '
    'requirements/lock.txt; `python -m rcn_mmpose doctor` reports on the '
    'current one. Shipped and exported models predict without these packages.'
)


def check_stack() -> None:
    """Check the packages without importing them.

    Raises:
        ImportError: If a package is missing, or if MMPose is older than 1.0.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'rcn_mmpose.registry needs {", ".join(NEEDED)}; not installed: '
            f'{", ".join(missing)}. {CURE}'
        )
    try:
        version = importlib.metadata.version('mmpose')
    except importlib.metadata.PackageNotFoundError:
        return  # a fork, or a source tree on the import path
    if version.startswith('0.'):
        raise ImportError(
            f'mmpose {version} is installed; rcn_mmpose is for MMPose 1.x '
            f'and tested with 1.3.2. {CURE}'
        )
