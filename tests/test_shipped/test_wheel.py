"""The wheel contains the models, and an installed wheel predicts with them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from conftest import ROOT

from rcn_mmpose import load_model

BOXES = [[10, 10, 70, 70], [20, 15, 80, 75]]
PREDICT = """
import json, sys
for name in sys.argv[1].split(','):
    sys.modules[name] = None  # importing the module fails
import rcn_mmpose
model = rcn_mmpose.load_model('tiny-5', runtime=sys.argv[2] or None)
result = model('a.png', json.loads(sys.argv[3]))
print(json.dumps([
    rcn_mmpose.__file__,
    type(model).__name__,
    result.keypoints.tolist(),
]))
"""


@pytest.fixture(scope='module')
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the wheel is installed, without its dependencies."""
    pytest.importorskip('pip')
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    source.mkdir()
    for name in ('setup.cfg', 'pyproject.toml', 'LICENSE', 'README.md'):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / 'rcn_mmpose',
        source / 'rcn_mmpose',
        ignore=shutil.ignore_patterns('__pycache__', '.mim'),
    )
    for path in (project / 'rcn_mmpose' / 'shipped' / 'models').iterdir():
        shutil.copy(path, source / 'rcn_mmpose' / 'shipped' / 'models')
    common = ['--no-deps', '--no-index']
    for words in (
        ['wheel', '--no-build-isolation', '--wheel-dir', '..', '.'],
        ['install', '--target', str(folder / 'site'), 'WHEEL'],
    ):
        found = [str(path) for path in folder.glob('*.whl')]
        words = [found[0] if word == 'WHEEL' else word for word in words]
        done = subprocess.run(
            [sys.executable, '-m', 'pip', words[0], *common, *words[1:]],
            cwd=source,
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / 'site'


def test_contents_of_the_wheel(site: Path, project: Path) -> None:
    (wheel,) = site.parent.glob('*.whl')
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        held = {
            Path(name).name: archive.read(name)
            for name in names
            if name.startswith('rcn_mmpose/shipped/')
        }
    for path in (project / 'rcn_mmpose' / 'shipped' / 'models').iterdir():
        assert held[path.name] == path.read_bytes()
    licence = ROOT / 'rcn_mmpose' / 'shipped' / 'models' / 'LICENSE-weights.md'
    assert held[licence.name] == licence.read_bytes()
    # Tools read licences from the .dist-info folder.
    assert any('.dist-info/' in name and name.endswith(licence.name) for name in names)


@pytest.mark.parametrize(
    ('without', 'runtime', 'kind'),
    [
        ('torch,mmengine,mmcv,mmpose,mmdet,onnx', '', 'OnnxPredictor'),
        ('onnxruntime,onnx', 'torch', 'TorchPredictor'),
    ],
)
def test_the_installed_wheel_predicts(
    site: Path,
    project: Path,
    small: ModuleType,
    fresh: Callable,
    tmp_path: Path,
    without: str,
    runtime: str,
    kind: str,
) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), small.random_crops(1, side=90)[0])
    done = fresh(
        *('-W', 'ignore', '-c', PREDICT, without, runtime, json.dumps(BOXES)),
        cwd=tmp_path,
        PYTHONPATH=site,
    )
    assert done.returncode == 0, done.stderr
    place, found, keypoints = json.loads(done.stdout.splitlines()[-1])
    assert (Path(place).parents[1], found) == (site, kind)
    trained = load_model(project / 'best.pth')(tmp_path / 'a.png', BOXES)
    np.testing.assert_allclose(keypoints, trained.keypoints, atol=0.1)
