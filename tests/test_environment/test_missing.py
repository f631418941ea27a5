"""An error about a missing package says how to install the package."""

from __future__ import annotations

import configparser
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rcn_mmpose.environment.missing import EXPORT, PREDICTION, cure, named_cure

Fresh = Callable[..., subprocess.CompletedProcess]


@pytest.mark.parametrize(
    ('missing', 'statement'),
    [
        ('cv2', 'rcn_mmpose.load_model("rcn-5")'),
        ('cv2', 'from rcn_mmpose.synthetic import render_face'),
        ('cv2', 'from rcn_mmpose.inference import load_model'),
        ('cv2', 'from rcn_mmpose.detect import HaarDetector'),
        ('cv2', 'import rcn_mmpose.image.drawing'),
        ('onnxruntime', 'rcn_mmpose.load_model("rcn-5", runtime="onnx")'),
        ('torch', 'from rcn_mmpose.inference import export'),
        ('torch', 'import rcn_mmpose.registry'),
    ],
)
def test_python_imports_name_the_cure(
    missing: str, statement: str, fresh: Fresh, tmp_path: Path
) -> None:
    hide = f'import sys; sys.modules[{missing!r}] = None; import rcn_mmpose'
    done = fresh('-c', f'{hide}\n{statement}', cwd=tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert missing in last and 'Error: ' in last
    assert 'pip install' in last or 'make install' in last


def test_the_cures_are_those_of_the_metadata(root: Path) -> None:
    setup = configparser.ConfigParser()
    setup.read(root / 'setup.cfg')
    extras = setup['options.extras_require']

    def names(lines: list[str]) -> set[str]:
        return {Requirement(line).name for line in lines if line}

    wanted = names(extras['predict'].split('\n'))
    assert names(shlex.split(PREDICTION)[2:]) == wanted
    assert names(shlex.split(EXPORT)[2:]) <= names(extras['onnx'].split('\n'))


def test_a_cure_is_said_once() -> None:
    with pytest.raises(ModuleNotFoundError) as first:
        with named_cure(), named_cure():
            raise ModuleNotFoundError("No module named 'cv2'", name='cv2')
    assert str(first.value).count('pip install') == 1
    assert first.value.name == 'cv2'
    assert cure(ImportError('other')) == 'other'
    with pytest.raises(ModuleNotFoundError, match="^No module named 'own'$"):
        with named_cure():
            raise ModuleNotFoundError("No module named 'own'", name='own')
