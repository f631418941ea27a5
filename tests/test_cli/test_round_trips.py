"""Files that one verb writes and another reads carry the whole meaning."""

from __future__ import annotations

import csv
import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.evaluation.error_file import read_errors
from rcn_mmpose.geometry.keypoints import FIVE_NAMES
from rcn_mmpose.io.box_files import boxes_of, read_boxes
from rcn_mmpose.io.output import Failure, PredictionFile, Result, SourceImage
from rcn_mmpose.io.predictions import VideoPredictionFile, read_predictions

# Keypoints with an eye distance of 10 pixels.
FIVE = np.array([(10, 10), (20, 10), (15, 15), (11, 20), (19, 20)], float)
ODD = 'a b/100 % [1]; "é", \udcff.png'  # also a byte that is not UTF-8
FORMS = ('k.json', 'k.csv')


def result(name: str, moves: list[float], failed: bool = False) -> Result:
    """Return the result of an image of 90x80 with faces moved to the right."""
    keypoints = np.float32([FIVE + (move, 0) for move in moves])
    if failed:
        keypoints[-1] = np.nan
    faces = len(moves)
    boxes = [(5 + move, 5.25, 25 + move, 25.5) for move in moves]
    return Result(
        keypoints=keypoints.reshape(faces, 5, 2),
        confidence=np.full((faces, 5), 0.5, np.float32),
        covariance=np.tile(np.eye(2, dtype=np.float32), (faces, 5, 1, 1)),
        boxes=np.array(boxes, float).reshape(faces, 4),
        image_index=np.zeros(faces, int),
        images=(SourceImage(name, (90, 80)),),
        names=FIVE_NAMES,
        failures=(Failure(0, faces - 1, 'why'),) if failed else (),
        timing={},
    )


def write_predictions(path: Path) -> str:
    """Write two faces, a face and a failed one, an image without a face, a failure."""
    with PredictionFile(str(path)) as file:
        file.add(result(ODD, [0, 40]))
        file.add(result('b.png', [1, 40], failed=True))
        file.add(result('no_face.png', []))
        file.fail('no_face.png', 'no face was found')
        file.fail('broken.png', 'broken')
    return str(path)


def write_truth(path: Path, faces: dict[str, list[float]], **image: object) -> str:
    annotations = []
    for i, moves in enumerate(faces.values(), 1):
        for move in moves:
            points = np.hstack((FIVE + (move, 0), np.full((5, 1), 2)))
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i,
                    bbox=[5 + move, 5, 20, 20],
                    keypoints=points.ravel().tolist(),
                )
            )
    size = dict(width=90, height=80, **image)
    content = dict(
        images=[dict(size, id=i, file_name=n) for i, n in enumerate(faces, 1)],
        annotations=annotations,
        categories=[dict(id=1, name='face', keypoints=list(FIVE_NAMES))],
    )
    path.write_text(json.dumps(content))
    return str(path)


TRUTH = {
    f'data/{ODD}': [0, 40],
    'b.png': [0, 40],
    'no_face.png': [0],
    'broken.png': [0],
}


def curves(said: str) -> list[str]:
    """Return the numbers of each line of the table of curves."""
    table = re.split(r' +faces +NME +median', said)[-1]
    rows = re.findall(r'^\S+ +(\d+ .*)$', table, re.M)
    return [' '.join(row.split()) for row in rows]


@pytest.mark.parametrize('form', FORMS)
def test_predict_to_evaluate_to_plot_and_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture, form: str
) -> None:
    found = write_predictions(tmp_path / form)
    truth = write_truth(tmp_path / 't.json', TRUTH)
    errors, ced = str(tmp_path / 'e.csv'), str(tmp_path / 'ced.png')
    assert main(['evaluate', found, truth, '--errors', errors, '--curves', ced]) == 1
    said = capsys.readouterr().out
    assert said.startswith('3 of 6 faces have a prediction, 3 missed; 0 predictions')
    # The errors are 0, 0 and 10 percent, and infinite for three missed faces.
    by_eyes, by_box = curves(said)
    assert by_eyes == '6 inf inf 33.33 66.67 33.33 50.00'
    assert Path(ced).stat().st_size > 1000
    file = read_errors(errors)
    assert file.errors['NME_pixels_eye_points'].tolist() == [0, 0, 10] + [np.inf] * 3
    assert len(set(file.faces)) == 6
    # plot shows the same faces, AUC and failure rates.
    for name, row in (('eye_points', by_eyes), ('box', by_box)):
        value = ['--value', f'NME_pixels_{name}']
        assert main(['plot', errors, *value, '--out', ced]) == 0
        assert curves(capsys.readouterr().out) == [row]
    # compare leaves missed faces out of the means, and says so.
    better = tmp_path / 'better.csv'
    better.write_bytes(Path(errors).read_bytes().replace(b'10.0', b'5.0'))
    module = load_compare()
    module.main(['--first', errors, '--second', str(better)])
    said = capsys.readouterr().out
    assert '3 of 6 faces are left out: 3 missed by the first model, 3 by the' in said
    assert '3 faces: 3.333 -> 1.667 %' in said


def load_compare() -> object:
    """Import tools/analysis_tools/compare.py."""
    folder = str(Path(__file__).parents[2] / 'tools' / 'analysis_tools')
    sys.path.insert(0, folder)
    try:
        return importlib.import_module('compare')
    finally:
        sys.path.remove(folder)


@pytest.mark.parametrize('form', FORMS)
def test_predict_to_boxes(tmp_path: Path, form: str) -> None:
    """The boxes of the faces, once each; failed images have none, which is told."""
    known = read_boxes(write_predictions(tmp_path / form))
    paths = [f'data/{ODD}', 'b.png', 'no_face.png', 'broken.png']
    first, second, *others = boxes_of(paths, known)
    np.testing.assert_allclose(first, [(5, 5.25, 25, 25.5), (45, 5.25, 65, 25.5)])
    np.testing.assert_allclose(second, [(6, 5.25, 26, 25.5)])
    assert others == [None, None]


def test_a_face_with_two_boxes(tmp_path: Path) -> None:
    path = Path(write_predictions(tmp_path / 'k.csv'))
    rows = path.read_text(errors='surrogateescape').splitlines()
    rows[2] = rows[2].replace('5.25', '6.25')
    path.write_text('\n'.join(rows), errors='surrogateescape')
    with pytest.raises(ValueError, match='line 3: face 0 of .* has another box'):
        read_boxes(str(path))


def write_video(path: Path) -> str:
    """Write three frames with tracks 2 and 5; the last frame has no face."""
    with VideoPredictionFile(str(path), FIVE_NAMES, 25.0) as file:
        rest = np.full(5, 0.5), np.tile(np.eye(2), (5, 1, 1))
        box = np.array((5, 5, 25, 25.0))
        for frame, tracks in enumerate(([(2, 0), (5, 40)], [(5, 41)], [])):
            faces = [
                (track, box + (move, 0, move, 0), FIVE + (move, 0), *rest)
                for track, move in tracks
            ]
            file.add((90, 80), frame / 25, faces)
    return str(path)


@pytest.mark.parametrize('form', FORMS)
def test_video_to_evaluate(
    tmp_path: Path, capsys: pytest.CaptureFixture, form: str
) -> None:
    found = write_video(tmp_path / form)
    # The keypoints of a track are together, and those of two tracks apart.
    assert [face.file for face in read_predictions(found)] == ['0', '0', '1']
    truth = write_truth(tmp_path / 't.json', {'0': [0, 40], '1': [40], '2': [0]})
    errors = str(tmp_path / 'e.csv')
    assert main(['evaluate', found, truth, '--errors', errors]) == 1
    assert capsys.readouterr().out.startswith('3 of 4 faces have a prediction, 1')
    values = read_errors(errors).errors['NME_pixels_eye_points'].tolist()
    assert values == [0, 0, 10, np.inf]


@pytest.mark.parametrize('form', FORMS)
def test_video_to_boxes(tmp_path: Path, form: str) -> None:
    path = write_video(tmp_path / form)
    with pytest.raises(ValueError, match='of rcn-mmpose video.*write their names'):
        read_boxes(path)
    # The cure of the message.
    if form == 'k.csv':
        rows = list(csv.reader(Path(path).read_text().splitlines()))
        rows[0].append('file')
        rows[1:] = [[*row, f'frame_{row[0]}.png'] for row in rows[1:]]
        Path(path).write_text('\n'.join(map(','.join, rows)))
    else:
        content = json.loads(Path(path).read_text())
        for image in content['images']:
            image['file_name'] = f'frame_{image["frame"]}.png'
        Path(path).write_text(json.dumps(content))
    known = read_boxes(path)
    assert known['frame_0.png'].tolist() == [[5, 5, 25, 25], [45, 5, 65, 25]]
    assert known['frame_1.png'].tolist() == [[46, 5, 66, 25]]


@pytest.mark.parametrize('form', FORMS)
def test_keypoints_in_another_order(
    tmp_path: Path, capsys: pytest.CaptureFixture, form: str
) -> None:
    """Keypoints are compared by their names if both files have the same names."""
    order = [1, 0, 2, 4, 3]
    given = result('b.png', [0])
    with PredictionFile(str(tmp_path / form)) as file:
        file.add(
            Result(
                **{
                    **given.__dict__,
                    'keypoints': given.keypoints[:, order],
                    'names': tuple(FIVE_NAMES[i] for i in order),
                }
            )
        )
    truth = write_truth(tmp_path / 't.json', {'b.png': [0]})
    assert main(['evaluate', str(tmp_path / form), truth]) == 0
    assert curves(capsys.readouterr().out)[0].startswith('1 0.00 0.00')


def test_files_of_different_images(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    found = write_predictions(tmp_path / 'k.json')
    truth = write_truth(tmp_path / 't.json', {'b.png': [0]})
    text = Path(truth).read_text().replace('"width": 90', '"width": 80')
    Path(truth).write_text(text.replace('"height": 80', '"height": 90'))
    assert main(['evaluate', found, truth]) == 2
    said = capsys.readouterr().err
    assert "'b.png' has 90x80 pixels" in said and 'says 80x90' in said
    assert 'without the rotation of the EXIF tag' in said


def test_predictions_as_fractions(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    lines = [f'b.png,0,{x / 90},{y / 80}' for x, y in FIVE]
    path = tmp_path / 'p.csv'
    path.write_text('\n'.join(('file,face,x,y', *lines)))
    truth = write_truth(tmp_path / 't.json', {'b.png': [0]})
    assert main(['evaluate', str(path), truth]) == 2
    assert 'look like fractions of the image' in capsys.readouterr().err


def test_evaluate_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    found = write_predictions(tmp_path / 'k.json')
    truth = write_truth(tmp_path / 't.json', {'b.png': [0, 40]})
    content = json.loads(Path(truth).read_text())
    content['annotations'][1]['iscrowd'] = 1
    content['annotations'].append(dict(id=3, image_id=1, bbox=[0, 0, 50, 70]))
    del content['annotations'][0]['bbox']
    Path(truth).write_text(json.dumps(content))
    assert main(['evaluate', found, truth]) == 0
    said = capsys.readouterr().out
    assert said.startswith('1 of 1 faces have a prediction')
    assert '1 annotation left out: of a crowd' in said
    assert '1 annotation left out: without keypoints' in said
    assert '1 face without bbox, measured with the box of the keypoints' in said


@pytest.mark.parametrize('side', ['1e999', 'NaN', 'null', '0', '-5'])
def test_an_unknown_size_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture, side: str
) -> None:
    found = write_predictions(tmp_path / 'k.json')
    truth = write_truth(tmp_path / 't.json', {'b.png': [0]})
    text = Path(truth).read_text().replace('"width": 90', f'"width": {side}')
    Path(truth).write_text(text)
    assert main(['evaluate', found, truth]) == 0
    assert capsys.readouterr().out.startswith('1 of 1 faces')
    assert len(read_boxes(truth)['b.png']) == 1
