from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import rcn_mmpose
from rcn_mmpose.environment.requirements_check import check_stack


def test_complete_environment_passes() -> None:
    check_stack()


def test_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        'find_spec',
        lambda name: None if name in ('torch', 'mmpose') else find(name),
    )
    with pytest.raises(ImportError, match=r'torch, mmpose\. `make install`'):
        check_stack()


def test_old_mmpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, 'version', lambda name: '0.29.0')
    with pytest.raises(ImportError, match=r'mmpose 0\.29\.0.*MMPose 1\.x'):
        check_stack()


def test_mmpose_by_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, 'version', version)
    check_stack()


def test_registry_raises_the_error(
    fresh: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    # Without site-packages, Python only finds modules beside the package.
    done = fresh(
        '-S',
        '-c',
        'import rcn_mmpose.registry',
        cwd=tmp_path,
        PYTHONPATH=str(Path(rcn_mmpose.__file__).parents[1]),
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('ImportError: rcn_mmpose.registry needs torch')
    assert 'make install' in last


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(rcn_mmpose.__file__).read_text()
    monkeypatch.setattr(sys, 'version_info', (3, 9, 18))
    with pytest.raises(ImportError, match=r'Python 3\.9.*3\.10 or newer'):
        exec(source, dict(__name__='rcn_mmpose'))
