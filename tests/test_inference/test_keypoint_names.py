"""Names and lines of keypoints: from the dataset through the model to the files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rcn_mmpose import load_model
from rcn_mmpose.cli import main
from rcn_mmpose.geometry.keypoints import (
    FIVE_NAMES,
    NAMES_68,
    NUMBERED_68,
    known_lines,
)
from rcn_mmpose.inference import ModelInfo
from rcn_mmpose.io.carried_config import carried_dataset_meta
from rcn_mmpose.io.output import PredictionFile
from rcn_mmpose.io.predictions import VideoPredictionFile
from rcn_mmpose.synthetic import render_face

from .small_model import NAMES

SIZE = (80, 80)


def test_a_model_of_before_gets_the_names_of_today() -> None:
    assert ModelInfo(SIZE, NUMBERED_68).keypoints == NAMES_68
    old = json.loads(ModelInfo(SIZE, NAMES_68).to_json())
    old['keypoints'] = list(NUMBERED_68)
    del old['lines']  # unknown to older models
    read = ModelInfo.from_json(json.dumps(old))
    assert read.keypoints == NAMES_68 and read.lines == ()
    own = ModelInfo(SIZE, NUMBERED_68[:29])
    assert own.keypoints == NUMBERED_68[:29]


def test_lines_travel_in_the_description() -> None:
    info = ModelInfo(SIZE, ('a', 'b', 'c'), lines=((0, 1), (1, 2)))
    assert ModelInfo.from_json(info.to_json()) == info
    for wrong in (((0, 3),), ((-1, 0),)):
        with pytest.raises(ValueError, match='of the 3 keypoints, counted from 0'):
            ModelInfo(SIZE, ('a', 'b', 'c'), lines=wrong)


@pytest.mark.parametrize('name', ['rcn-5', 'rcn-68'])
def test_shipped_models_name_their_keypoints(name: str, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    names = FIVE_NAMES if name == 'rcn-5' else NAMES_68
    image = render_face(0, size=300, pose=(0, 0, 0), plain=True).image
    result = load_model(name)([image], [[[40, 50, 260, 270]]])
    assert result.names == names
    assert result.to_pandas().keypoint.tolist() == list(names)
    lines = [[a + 1, b + 1] for a, b in known_lines(names)]
    path = str(tmp_path / 'faces.json')
    with PredictionFile(path) as file:
        file.add(result)
    (category,) = json.loads(Path(path).read_text())['categories']
    assert category['keypoints'] == list(names) and category['skeleton'] == lines
    with VideoPredictionFile(path, names, 25.0):
        pass
    result.save(tmp_path / 'faces.csv')
    with open(tmp_path / 'faces.csv', newline='') as table:
        assert [row['keypoint'] for row in csv.DictReader(table)] == list(names)


def test_own_lines_travel_from_the_checkpoint_to_the_files(
    checkpoint: Path, tmp_path: Path
) -> None:
    path = str(tmp_path / 'own.pth')
    content = torch.load(checkpoint, weights_only=False)
    content['meta']['dataset_meta']['skeleton_links'] = [(0, 2), [1, 2]]
    torch.save(content, path)
    predictor = load_model(path)
    assert predictor.info.lines == ((0, 2), (1, 2))
    result = predictor([np.zeros((60, 60), np.uint8)], [[[5, 5, 50, 50]]])
    assert result.names == NAMES and result.lines == ((0, 2), (1, 2))
    assert result.to_coco()['categories'][0]['skeleton'] == [[1, 3], [2, 3]]


def test_the_lines_of_known_names_are_not_carried(
    checkpoint: Path, tmp_path: Path
) -> None:
    path = str(tmp_path / 'five.pth')
    content = torch.load(checkpoint, weights_only=False)
    meta = content['meta']['dataset_meta']
    meta['keypoint_id2name'] = dict(enumerate(FIVE_NAMES))
    meta['skeleton_links'] = [(0, 1)]
    torch.save(content, path)
    assert load_model(path).info.lines == ()


def test_odd_lines_in_a_checkpoint_are_left_out() -> None:
    for odd in ([(0, 9)], [(0, 1, 1)], 'ab', [(-1, 0)], [('a', 'b')], [(0, 1)] * 99, 3):
        assert (
            carried_dataset_meta(dict(dataset_meta=dict(skeleton_links=odd)), 2) == {}
        )
    good = dict(skeleton_links=[(0, 1)])
    assert carried_dataset_meta(dict(dataset_meta=good), 2) == {
        'skeleton_links': [[0, 1]]
    }


@pytest.mark.parametrize('old', ['truth', 'found', 'both', 'neither'])
def test_evaluate_reads_old_and_new_names(
    old: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    points = np.random.default_rng(0).uniform(10, 60, (68, 2))

    def file(name: str, moved: float) -> str:
        names = NUMBERED_68 if old in (name, 'both') else NAMES_68
        flat = np.hstack((points + moved, np.full((68, 1), 2.0))).ravel().tolist()
        face = dict(id=1, image_id=1, category_id=1, iscrowd=0, keypoints=flat)
        face |= dict(bbox=[0, 0, 80, 80], area=6400, num_keypoints=68)
        content = dict(
            images=[dict(id=1, file_name='a.png', width=90, height=90)],
            annotations=[face],
            categories=[dict(id=1, name='face', keypoints=list(names))],
        )
        path = tmp_path / f'{name}.json'
        path.write_text(json.dumps(content))
        return str(path)

    words = ['evaluate', file('found', 1), file('truth', 0), '--each-keypoint']
    assert main(words) == 0
    said = capsys.readouterr().out
    assert 'left_eye_1' in said and 'jaw_17' in said and 'kpt-' not in said


def test_replaced_names_keep_their_lines() -> None:
    info = ModelInfo(SIZE, FIVE_NAMES)
    assert replace(info, name='x').keypoints == FIVE_NAMES
