"""The threshold below which a tracked face is lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import FIVE_NAMES, NAMES_68
from rcn_mmpose.inference import ModelInfo
from rcn_mmpose.lab.calibration.lost_threshold import Confidences, save_threshold
from rcn_mmpose.tracking.lost import threshold_of

MODELS = Path(__file__).parents[2] / 'rcn_mmpose' / 'shipped' / 'models'


def test_the_threshold_of_a_model() -> None:
    own = ModelInfo((80, 80), ('a', 'b'))
    assert threshold_of(own) == 0.5
    assert threshold_of(replace(own, keypoints=FIVE_NAMES)) == 0.8
    assert threshold_of(replace(own, keypoints=NAMES_68)) == 0.6
    joint = replace(own, keypoints=NAMES_68, name='rcn-68-joint')
    assert threshold_of(joint) == 0.75
    assert threshold_of(replace(joint, lost=0.3)) == 0.3
    assert ModelInfo.from_json(replace(joint, lost=0.3).to_json()).lost == 0.3


def test_the_threshold_refuses_95_percent_of_the_wrong_crops() -> None:
    found = Confidences(np.ones(10), np.linspace(0, 0.8, 101))
    assert found.threshold() == pytest.approx(0.75)


def test_a_model_carries_its_threshold(tmp_path: Path) -> None:
    for ending in ('.onnx', '.json', '.pth'):
        shutil.copy(MODELS / f'rcn-5{ending}', tmp_path / f'own{ending}')
    shutil.copy(MODELS / 'rcn-5.pth', tmp_path)
    before = json.loads((tmp_path / 'own.json').read_text())
    save_threshold(str(tmp_path / 'own.onnx'), 0.7)
    after = json.loads((tmp_path / 'own.json').read_text())
    assert after == {**before, 'lost': 0.7}
