"""Shipped models are exported again without a change of their other files."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('onnx')

from rcn_mmpose import load_model
from rcn_mmpose.inference.loading import OnnxPredictor
from rcn_mmpose.shipped.catalogue import FOLDER, shipped_file

TOOL = Path(__file__).parents[2] / 'tools' / 'release' / 'export_again.py'


def test_one_model_is_exported_again(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location('export_again', TOOL)
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    folder = tmp_path / 'models'
    shutil.copytree(FOLDER, folder)
    cards = tmp_path / 'cards'
    shutil.copytree(TOOL.parents[2] / 'docs' / 'models', cards)
    tool.main(['rcn-5'], folder, cards)
    changed = {'rcn-5.onnx', 'rcn-5.json', 'index.json'}
    for path in FOLDER.iterdir():
        if path.is_file() and path.name not in changed:
            assert (folder / path.name).read_bytes() == path.read_bytes()
    path = Path(shipped_file('rcn-5', 'onnx', folder))  # checks the index
    said = json.loads(path.with_suffix('.json').read_text(encoding='utf-8'))
    assert said['training_boxes']['haar'] == dict(scale=1.209, shift=0.088)
    assert said['weights']['file'] == 'rcn-5.pth' and said['preprocessing']
    crops = np.random.default_rng(0).integers(0, 256, (3, 80, 80), dtype=np.uint8)
    before = load_model('rcn-5', runtime='onnx').predict_crops(crops)
    for ours, theirs in zip(
        before, OnnxPredictor(path).predict_crops(crops), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert f'sha256 {said["sha256"]}' in (cards / 'rcn-5.md').read_text()
    with pytest.raises(ValueError, match="'rcn-7' does not ship"):
        tool.main(['rcn-7'], folder)
