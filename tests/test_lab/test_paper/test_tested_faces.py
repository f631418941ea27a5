from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope

from rcn_mmpose.lab.paper.tested_faces import (
    build_dataset,
    build_model,
    in_crop,
    predict,
    probabilities,
    spread,
)

CONFIG = Path(__file__).parents[3] / 'configs' / 'paper' / 'aflw_rcn_4.py'


@pytest.fixture
def cfg(converted: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(converted.parent)
    init_default_scope('mmpose')
    return Config.fromfile(str(CONFIG))


def test_errors_are_those_of_the_metric(cfg: Config, converted: Path) -> None:
    from mmengine.evaluator import Evaluator
    from mmpose.registry import MODELS

    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        torch.save(MODELS.build(cfg.model).state_dict(), 'weights.pth')
    model = build_model(cfg, 'weights.pth')
    assert not model.training
    dataset = build_dataset(cfg, {})
    tested = predict(model, dataset)
    evaluator = Evaluator([dict(type='rcn_mmpose.FaceNME')])
    evaluator.dataset_meta = dataset.metainfo
    for i in (2, 0, 3, 1):
        face = dataset[i]
        batch = {key: [value] for key, value in face.items()}
        evaluator.process(model.test_step(batch), batch)
    found = evaluator.evaluate(4)['NME_pixels_eye_points']
    assert tested.errors.mean() == pytest.approx(found, rel=1e-4)
    assert len(tested.errors) == 4 and len(set(tested.errors)) == 4
    two = predict(model, dataset, 2)
    np.testing.assert_allclose(two.errors, tested.errors[[0, 3]], rtol=1e-4)
    # The codec's cell of a prediction matches the position in the crop.
    for face in tested.faces:
        off = in_crop(face, face.pred) - face.cells
        assert np.abs(off).max() <= 2.01  # the window is 5x5


def test_another_test_set(cfg: Config) -> None:
    changed = build_dataset(
        cfg, {'test_dataloader.dataset.ann_file': 'annotations/mtfl_val.json'}
    )
    assert changed.metainfo['list_name'] == 'mtfl_val'
    assert cfg.test_dataloader.dataset.ann_file.endswith('aflw5_test.json')


def test_faces_spread_over_the_set() -> None:
    assert spread(5, None).tolist() == [0, 1, 2, 3, 4]
    assert spread(101, 3).tolist() == [0, 50, 100]
    assert spread(2, 9).tolist() == [0, 1]


def test_softmax_over_cells() -> None:
    scores = torch.zeros(2, 3, 2, 2)
    scores[0, 1, 1, 0] = torch.log(torch.tensor(5.0))
    maps = probabilities(scores)
    torch.testing.assert_close(maps[0, 1], torch.tensor([[1, 1], [5, 1]]) / 8)
    torch.testing.assert_close(maps[1], torch.full((3, 2, 2), 0.25))
