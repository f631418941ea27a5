from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import load_tool
from test_inference.small_model import build, config, write_checkpoint

from rcn_mmpose import load_model
from rcn_mmpose.geometry.keypoints import FIVE_NAMES

OUT = Path('work_dirs/report')
LOG = Path('results/test_evaluations.jsonl')


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Checkpoint of a model with five keypoints, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = write_checkpoint(tmp_path / 'small.pth', config(), build())
    content = torch.load(path, weights_only=False)
    names = dict(enumerate(FIVE_NAMES))
    content['meta']['dataset_meta']['keypoint_id2name'] = names
    torch.save(content, path)
    return path


def run(*arguments: object) -> None:
    load_tool('analysis_tools/model_report.py').main(list(map(str, arguments)))


def read() -> dict:
    return json.loads((OUT / 'report.json').read_text())


def shift_by_hand(checkpoint: Path, ann_file: Path) -> tuple[float, ...]:
    """Median shift of the true keypoints, and error without the shift, in percent."""
    found = offsets(checkpoint, ann_file, 1)
    right = np.median([x for face in found for x, _ in face])
    below = np.median([y for face in found for _, y in face])
    rest = [
        np.mean([np.hypot(x - right, y - below) for x, y in face]) for face in found
    ]
    return right, below, np.mean(rest)


def by_hand(checkpoint: Path, ann_file: Path, passes: int) -> float:
    """Mean error in percent of the eye distance."""
    found = offsets(checkpoint, ann_file, passes)
    return np.mean([np.linalg.norm(face, axis=1).mean() for face in found])


def offsets(checkpoint: Path, ann_file: Path, passes: int) -> list[np.ndarray]:
    """Offsets (5, 2) from predictions to truth, in percent of the eye distance."""
    content = json.loads(ann_file.read_text())
    names = {x['id']: x['file_name'] for x in content['images']}
    model = load_model(checkpoint, passes=passes)
    errors = []
    for face in content['annotations']:
        truth = np.reshape(face['keypoints'], (5, 3))[:, :2]
        x, y, w, h = face['bbox']
        image = ann_file.parents[1] / 'mtfl' / names[face['image_id']]
        found = model(image, [[x, y, x + w, y + h]]).keypoints[0]
        eyes = np.linalg.norm(truth[1] - truth[0])
        errors.append(100 * (truth - found) / eyes)
    return errors


def test_a_report(
    checkpoint: Path, converted: Path, capsys: pytest.CaptureFixture
) -> None:
    run(checkpoint, '--data', 'mtfl_val', '--data-root', converted,
        '--passes', 2, '--box-faces', 2, '--sheet-faces', 3,
        '--out', OUT)  # fmt: skip
    content = read()
    ann_file = converted / 'annotations' / 'mtfl_val.json'
    for i, passes in ((0, 1), (2, 2)):
        expected = by_hand(checkpoint, ann_file, passes)
        found = content['true_boxes'][i]['NME_pixels_eye_points']
        assert found == pytest.approx(expected, abs=1e-3)
    assert 'NME_cells_eye_points' in content['true_boxes'][0]
    assert 'NME_cells_eye_points' not in content['true_boxes'][1]
    assert content['data']['faces'] == 4
    assert not content['data']['test_set']
    found = content['detector']
    assert found['found'] + found['missed'] == found['faces'] == 4
    assert content['wrong_boxes']['faces'] == 2
    assert len(content['wrong_boxes']['lines']) == 1 + 3 + 6 + 3
    for name in ('ced', 'boxes', 'worst', 'random'):
        assert cv2.imread(str(OUT / f'{name}.png')).std() > 5
    worst = [face['error'] for face in content['worst']]
    assert len(worst) == 3 and worst == sorted(worst, reverse=True)
    for name in ('errors.csv', 'errors_both_passes.csv'):
        assert len((OUT / name).read_text().splitlines()) == 5
    text = (OUT / 'report.md').read_text()
    assert text in capsys.readouterr().out
    nme = content['true_boxes'][2]['NME_pixels_eye_points']
    assert '| true, both joined | 4 |' in text and f'| {nme:.2f} |' in text
    assert not LOG.exists()
    shift = content['constant_shift'][0]
    right, below, left = shift_by_hand(checkpoint, ann_file)
    assert shift['right'] == pytest.approx(right, abs=1e-3)
    assert shift['below'] == pytest.approx(below, abs=1e-3)
    assert shift['NME_without'] == pytest.approx(left, abs=1e-3)
    assert f'lie {right:+.2f} to the right of and {below:+.2f} below' in text


def test_a_small_report_of_an_annotation_file(
    checkpoint: Path, converted: Path, capsys: pytest.CaptureFixture
) -> None:
    """This report has no detector, no wrong boxes and no images of faces."""
    run(checkpoint, '--ann-file', converted / 'annotations/mtfl_val.json',
        '--images', converted / 'mtfl', '--box-faces', 0, '--no-detector',
        '--out', 'elsewhere')  # fmt: skip
    assert 'no faces are drawn' in capsys.readouterr().out
    written = {path.name for path in Path('elsewhere').iterdir()}
    assert written == {'report.json', 'report.md', 'errors.csv', 'ced.png'}
    content = json.loads(Path('elsewhere/report.json').read_text())
    assert not {'detector', 'wrong_boxes'} & set(content)


def test_the_use_of_test_faces_is_logged(checkpoint: Path, converted: Path) -> None:
    arguments = [checkpoint, '--data', 'aflw5_test', '--data-root', converted]
    arguments += ['--box-faces', 0, '--sheet-faces', 0, '--out', OUT]
    with pytest.raises(ValueError, match='holds test faces.*--test-set'):
        run(*arguments)
    assert not OUT.exists()
    run(*arguments, '--test-set')
    run(*arguments, '--test-set', '--no-detector')
    lines = LOG.read_text().splitlines()
    first, second = map(json.loads, lines)
    assert '--no-detector' in second['command']
    assert '--no-detector' not in first['command']
    assert first['model']['sha256'] == read()['model']['sha256']
    assert first['data']['test_set'] and first['data']['faces'] == 4
    (values,) = second['true_boxes']
    whole = read()['true_boxes'][0]
    assert values['NME_pixels_eye_points'] == whole['NME_pixels_eye_points']


@pytest.mark.parametrize('option', ['--box-faces', '--sheet-faces'])
def test_negative_numbers(checkpoint: Path, option: str) -> None:
    with pytest.raises(SystemExit):
        run(checkpoint, '--data', 'mtfl_val', option, -1)
