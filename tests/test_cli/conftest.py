"""Fixtures: models and images for the tests of the command line."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

HELPER = Path(__file__).parents[1] / 'test_inference' / 'small_model.py'


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small model with random weights; the file contains its config."""
    spec = importlib.util.spec_from_file_location('small_model_of_cli', HELPER)
    small = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small)
    path = tmp_path_factory.mktemp('model') / 'small.pth'
    small.write_checkpoint(path, small.config(), small.build())
    return str(path)


@pytest.fixture(scope='session')
def exported(checkpoint: str) -> str:
    """The same model as .onnx, written by ``rcn-mmpose export``."""
    pytest.importorskip('onnxruntime')
    from rcn_mmpose.cli import main

    path = str(Path(checkpoint).with_suffix('.onnx'))
    assert main(['export', '--model', checkpoint, path]) == 0
    return path


@pytest.fixture(scope='session')
def face() -> np.ndarray:
    """A face that the detector finds, uint8 (160, 160, 3) BGR."""
    from rcn_mmpose.synthetic import render_face

    return render_face(0, pose=(0.0, 0.0, 0.0), plain=True).image
