"""Fixtures: a project to which tools/release/ship.py adds one small model."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT, load_tool
from mmengine.config import Config

from rcn_mmpose.shipped import catalogue as shipped

METAFILE = """\
# a comment
Collections:
- Name: RCN

Models:
- Name: other
  In Collection: RCN
  Config: configs/other.py  # another one
"""
METRICS = {'faces of nobody': {'NME cells': 5.25, 'NME pixels': 4.5}}
# Keys of a config that the inferencer and the visualiser of MMPose read.
SURROUNDINGS = dict(
    custom_imports=dict(imports=['rcn_mmpose.registry']),
    data_mode='topdown',
    dataset_type='rcn_mmpose.MTFLDataset',
    optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
    visualizer=dict(type='PoseLocalVisualizer', name='visualizer'),
)


@pytest.fixture(scope='session')
def small() -> ModuleType:
    """The helpers of the tests of rcn_mmpose.inference."""
    path = ROOT / 'tests' / 'test_inference' / 'small_model.py'
    spec = importlib.util.spec_from_file_location('small_of_shipped', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def ship() -> ModuleType:
    """tools/release/ship.py as a module."""
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    return load_tool('release/ship.py')


@pytest.fixture(scope='session')
def begun(tmp_path_factory: pytest.TempPathFactory, small: ModuleType) -> Path:
    """The project before the release: config, trained checkpoint and model card."""
    root = tmp_path_factory.mktemp('project')
    folder = root / 'rcn_mmpose' / 'shipped' / 'models'
    folder.mkdir(parents=True)
    (folder / shipped.INDEX).write_text(shipped.index_text({}))
    (root / 'configs' / 'shipped').mkdir(parents=True)
    (root / 'configs' / 'metafile.yml').write_text(METAFILE)
    config = Config(dict(small.config(), codec=small.CODEC, **SURROUNDINGS))
    config.dump(root / 'configs' / 'shipped' / 'tiny_5.py')
    small.write_checkpoint(root / 'best.pth', config, small.build())
    (root / 'tiny-5.md').write_text('# tiny-5\n\nWords.\n')
    (root / 'metrics.json').write_text(json.dumps(METRICS))
    return root


def words(root: Path, *more: object) -> list[str]:
    """The command line that ships the model."""
    given = [
        *(root / 'best.pth', '--name', 'tiny-5', '--trained-on', 'nothing'),
        *('--terms', 'free', '--card', root / 'tiny-5.md', '--count', 3),
        *('--metrics', root / 'metrics.json', '--root', root, *more),
    ]
    return [str(word) for word in given]


@pytest.fixture(scope='session')
def project(
    begun: Path, ship: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The project after the release; tests must not change it."""
    root = tmp_path_factory.mktemp('shipped') / 'project'
    shutil.copytree(begun, root)
    ship.main(words(root))
    return root


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models of this project, used instead of that of the package."""
    folder = project / 'rcn_mmpose' / 'shipped' / 'models'
    monkeypatch.setattr(shipped, 'FOLDER', folder)
    return folder
