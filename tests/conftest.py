"""Fixtures and helpers that several test modules share."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from rcn_mmpose import compat

compat.activate()  # so that test modules may import MMPose in any order
# A shell that starts the tests in the background lets them ignore Ctrl-C, and the
# processes that they start would inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, which `make test-fast` leaves out.

    Slow tests start further Python processes, call the tools, or read real
    data.
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
    """A function that runs Python in a new process, outside the project folder.

    Imports and workarounds of this process must not affect the new process.
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
    """A tiny dataset in the layout of MTFL: 16 training and 4 test faces."""
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
    """The converter script as a module."""
    return load_tool('dataset_converters/mtfl2coco.py')


@pytest.fixture
def converted(mtfl: Path, mtfl2coco: ModuleType) -> Path:
    """The data root of the tiny dataset after conversion."""
    data = mtfl.parent
    out = str(data / 'annotations')
    mtfl2coco.main([str(mtfl), '--out', out, '--validation', '4'])
    return data


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signal handlers that a tool changes."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
