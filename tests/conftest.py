"""What several test modules share."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from rcn_mmpose import compat

compat.activate()  # so that test modules may import MMPose in any order

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out.

    What starts Python anew, calls the tools, or reads real data.
    """
    for item in items:
        if (
            'fresh' in getattr(item, 'fixturenames', ())
            or {'test_tools', 'faults'} & set(item.path.parts)
            or item.path.name in ('test_mim.py', 'test_real_data.py')
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope='session')
def fresh() -> Callable[..., subprocess.CompletedProcess]:
    """Runs Python in a process of its own, away from the project folder.

    What was imported before, or mended, must not help.
    """

    def run(
        *arguments: object, cwd: Path, **environment: object
    ) -> subprocess.CompletedProcess:
        environ = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT))
        environ.update({k: str(v) for k, v in environment.items()})
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=environ,
            text=True,
            capture_output=True,
        )

    return run


@pytest.fixture
def mtfl(tmp_path: Path) -> Path:
    """A tiny dataset in the layout of MTFL: 16 faces and 4 to test."""
    from fake_mtfl import make_mtfl

    return make_mtfl(tmp_path / 'data' / 'mtfl')


def load_tool(path: str) -> ModuleType:
    """Import a script below tools/ as a module."""
    return _load(ROOT / 'tools' / path)


def load_script(path: str) -> ModuleType:
    """Import a script below tests/ as a module."""
    return _load(ROOT / 'tests' / path)


def _load(file: Path) -> ModuleType:
    """Import a file as a module."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mtfl2coco() -> ModuleType:
    """The converter as a module."""
    return load_tool('dataset_converters/mtfl2coco.py')


@pytest.fixture
def converted(mtfl: Path, mtfl2coco: ModuleType) -> Path:
    """The tiny dataset, converted; returns its data root."""
    data = mtfl.parent
    out = str(data / 'annotations')
    mtfl2coco.main([str(mtfl), '--out', out, '--validation', '4'])
    return data
