"""The report of ``python -m rcn_mmpose doctor``."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rcn_mmpose import compat
from rcn_mmpose.environment import diagnosis as doctor
from rcn_mmpose.environment.missing import PREDICTION

Fresh = Callable[..., subprocess.CompletedProcess]


def test_report_of_a_working_environment(fresh: Fresh, tmp_path: Path) -> None:
    done = fresh('-m', 'rcn_mmpose.environment.diagnosis', cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    _, version = doctor.installed(['mmpose'])
    assert re.search(rf'^mmpose +{re.escape(version)} ', done.stdout, re.M)
    for workaround in compat.WORKAROUNDS:
        assert re.search(
            rf'^  {workaround.name}: (active|not needed)$', done.stdout, re.M
        )
    active = done.stdout.count(': active')
    assert active >= 1
    assert done.stdout.count('\n    cure ') == active
    assert done.stdout.endswith('MMPose can be used here.\n')
    assert max(map(len, done.stdout.splitlines())) <= 79


def test_report_of_a_broken_environment(fresh: Fresh, tmp_path: Path) -> None:
    broken = tmp_path / 'mmpose'
    broken.mkdir()
    (broken / '__init__.py').write_text("raise AssertionError('too old')\n")
    done = fresh('-m', 'rcn_mmpose.environment.diagnosis', cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'mmpose.models does not import: AssertionError' in done.stdout
    assert 'make install' in done.stdout
    # Prediction works without MMPose.
    assert '(.onnx) predict here' in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 79


def test_report_without_any_package(fresh: Fresh, tmp_path: Path) -> None:
    """Without torch and MMPose the report has no traceback."""
    code = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
from rcn_mmpose.environment import diagnosis as doctor
sys.exit(doctor.main([]))
"""
    names = ['torch', 'mmpose', 'mmengine', 'mmcv', 'mmdet']
    # An environment for prediction is complete.
    done = fresh('-c', code, *names, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Neither torch nor MMPose is installed' in done.stdout
    assert '(.onnx) predict here' in done.stdout
    assert not done.stderr
    done = fresh('-c', code, *names, 'numpy', cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert not done.stderr
    needed = ' '.join(done.stdout.split()).partition('Not installed: ')[2]
    assert needed == f'numpy; {PREDICTION}.'
    # torch without MMPose: the environment for training is broken.
    done = fresh('-c', code, *names[1:], cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'mmpose.models does not import' in done.stdout


def test_tested_versions_are_those_of_the_lock(root: Path) -> None:
    text = (root / 'requirements' / 'lock.txt').read_text()
    lines = map(Requirement, re.findall(r'^[^#\n].*', text, re.M))
    lock = {
        line.name: str(line.specifier).removeprefix('==')
        for line in lines
        if not line.marker or line.marker.evaluate()
    }
    for distributions, version in doctor.TESTED.items():
        found = {lock[name] for name in distributions if name in lock}
        assert found == ({version} if version != '-' else set())


def test_hazards(monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(doctor, 'installed', lambda names: ('torch', '2.6.0'))
    assert doctor.hazards() == []
    monkeypatch.setattr(doctor, 'installed', lambda names: ('torch', '2.5.1'))
    monkeypatch.setenv(name, '1')
    old, switch = doctor.hazards()
    assert 'torch 2.5.1' in old and 'Install' in old
    assert name in switch and 'Unset' in switch


def test_each_workaround_has_its_texts() -> None:
    names = [workaround.name for workaround in compat.WORKAROUNDS]
    assert len(names) == len(set(names)) == 11
    for workaround in compat.WORKAROUNDS:
        assert workaround.fault and workaround.cure
        assert re.search(r'\d', workaround.versions)
