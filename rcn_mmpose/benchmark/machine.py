"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
from typing import Any


def describe() -> dict[str, Any]:
    """Describe machine and versions.

    Returns:
        dict: ``processor``, ``cores`` that this process may use, ``system``,
        ``gpu`` (its name, or None) and ``versions`` of the packages.
    """
    import torch

    from ..doctor import versions

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return dict(
        processor=_processor(),
        cores=_cores(),
        system=platform.platform(),
        gpu=gpu,
        versions={name: found for name, found, _ in versions()},
    )


def load() -> float | None:
    """Return the load average of the last minute, None if there is none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):  # Windows
        return None


def _processor() -> str:
    """Name the processor."""
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            for line in file:
                if line.startswith('model name'):
                    return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
