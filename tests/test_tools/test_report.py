"""tools/report.py, `rcn-mmpose plot` and tools/analysis_tools/compare.py."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import mmengine
import numpy as np
import pytest
from conftest import load_tool

from rcn_mmpose.cli import plot as plot_command
from rcn_mmpose.image.colours import bgr
from rcn_mmpose.image.contact_sheet import PREDICTION, TRUTH, captioned, legend


@pytest.fixture
def predictions(converted: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Predictions of four test faces with errors of 0, 3, 6 and 9 %."""
    monkeypatch.chdir(converted.parent)
    content = mmengine.load(converted / 'annotations' / 'aflw5_test.json')
    samples = []
    for k, (image, face) in enumerate(
        zip(content['images'], content['annotations'], strict=True)
    ):
        truth = np.array(face['keypoints']).reshape(1, 5, 3)[..., :2]
        eyes = np.linalg.norm(truth[0, 0] - truth[0, 1])
        x, y, w, h = face['bbox']
        samples.append(
            dict(
                id=face['id'],
                dataset_name='aflw5',
                img_path=str(converted / 'mtfl' / image['file_name']),
                raw_ann_info=dict(attributes=dict(pose=3 if k < 3 else 1)),
                input_size=(80, 80),
                input_center=np.array([x + w / 2, y + h / 2]),
                input_scale=np.array([w, h]),
                gt_instances=dict(keypoints=truth, keypoints_visible=np.ones((1, 5))),
                pred_instances=dict(
                    keypoints=truth + (0.03 * k * eyes, 0),
                    keypoint_cells=np.zeros((1, 5, 2), int),
                ),
            )
        )
    return samples


def report(root: Path, samples: list[dict], *options: str, **changes: object) -> None:
    """Run the tool."""
    config = root / 'configs' / 'rcn_aflw.py'
    if changes:
        cfg = mmengine.Config.fromfile(str(config))
        cfg.merge_from_dict(changes)
        config = Path('changed.py')
        cfg.dump(config)
    mmengine.dump(samples, 'predictions.pkl')
    words = [str(config), 'predictions.pkl', '--out', 'report', *options]
    load_tool('report.py').main(words)


def test_report(
    root: Path, predictions: list[dict], capsys: pytest.CaptureFixture
) -> None:
    # One face occurs twice, as after a test in several processes.
    report(root, [*predictions[::-1], predictions[1]], '--each-keypoint')
    out = capsys.readouterr().out
    table = out[out.index('aflw5: 4 faces') :]  # after the lines of the log
    lines = [line.split() for line in table.splitlines()]
    assert lines[0] == 'aflw5: 4 faces, in percent'.split()
    labels = ['faces', 'keypoints', 'normaliser', 'protocol']
    assert lines[1] == [*labels, 'NME', 'AUC8', 'AUC10', 'FR8', 'FR10']
    nme, _, auc10, fr8, fr10 = lines[2][4:]
    assert lines[2][:4] == ['all', 'all', 'eye_points', 'pixels']
    assert nme == '4.50'  # the mean of 0, 3, 6, 9
    assert (auc10, fr8, fr10) == ('55.00', '25.00', '0.00')
    assert lines[3][0] == 'cells'
    assert float(lines[3][1]) > 50  # all predicted cells are (0, 0)
    found = {line[0]: line for line in lines if line}
    assert found['frontal'][1:5] == ['all', 'eye_points', 'pixels', '3.00']
    assert found['profile'][1:5] == ['all', 'eye_points', 'pixels', '9.00']
    assert ['nose_tip', 'eye_points', 'pixels', '4.50'] in lines
    assert ['pixels,', 'eye_points', '4.50', '8.10'] in lines
    for name in ('faces', 'worst', 'ced'):
        assert cv2.imread(f'report/{name}.png').std() > 5
    # A legend explains the marks; the worst face comes first, with its name.
    worst = cv2.imread('report/worst.png')
    note = '% = error of the face (pixels, eye_points)'
    explained = legend(['truth', 'prediction'], worst.shape[1], note)
    assert (worst[: len(explained)] == explained).all()
    tile = worst[len(explained) :]
    face = predictions[3]
    name = [Path(face['img_path']).name, f'id {face["id"]}: 9.00 %']
    named = captioned(np.zeros((240, 240, 3), np.uint8), name)
    assert (tile[240 : len(named), :240] == named[240:]).all()
    # True and predicted keypoints are at different positions.
    for colour in (TRUTH, PREDICTION):
        assert (np.abs(tile[:240, :240].astype(int) - colour).max(-1) < 40).any()


def test_a_config_with_other_evaluators(
    root: Path, predictions: list[dict], capsys: pytest.CaptureFixture
) -> None:
    report(
        root,
        predictions,
        test_evaluator=[
            dict(type='NME', norm_mode='keypoint_distance'),
            dict(
                type='rcn_mmpose.FaceNME',
                normalisers=dict(mouth_corners=((3,), (4,))),
            ),
        ],
    )
    out = capsys.readouterr().out
    assert 'mouth_corners  pixels' in out.splitlines()[2]
    assert 'nose_tip' not in out
    with pytest.raises(ValueError, match='has no rcn_mmpose.FaceNME'):
        report(
            root,
            predictions,
            test_evaluator=[dict(type='NME', norm_mode='use_norm_item')],
        )


def plot(arguments: list[str]) -> None:
    """Run `rcn-mmpose plot`; raise its errors."""
    parser = argparse.ArgumentParser()
    plot_command.add_arguments(parser)
    plot_command.run(parser.parse_args(arguments))


def test_curves_of_several_files(
    root: Path, predictions: list[dict], capsys: pytest.CaptureFixture
) -> None:
    report(root, predictions)
    whole = Path('report/errors.csv').read_text()
    header, *faces = whole.splitlines()
    Path('second.csv').write_text('\n'.join([header, *faces[2:]]))
    capsys.readouterr()
    plot(
        ['report/errors.csv', 'second.csv', '--labels', 'first one', 'b']
        + ['--limits', '5', '--out', 'new/ced.png']
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'NME_pixels_eye_points, in percent'
    assert lines[1].split() == ['faces', 'NME', 'median', 'AUC5', 'FR5']
    # The AUC is a sum of blocks of width 5 and 2, divided by 4 faces times 5.
    assert lines[2].split()[2:] == ['4', '4.50', '4.50', '35.00', '50.00']
    assert lines[3].split() == ['b', '2', '7.50', '7.50', '0.00', '100.00']
    assert lines[4:] == [
        'Note: the files have different faces.',
        'new/ced.png',
    ]
    image = cv2.imread('new/ced.png').reshape(-1, 3)
    for colour in ('blue', 'vermillion'):
        assert (image == bgr(colour)).all(-1).sum() > 50

    plot(
        ['report/errors.csv', '--subset', 'profile']
        + ['--value', 'NME_pixels_eye_points_nose_tip']
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'NME_pixels_eye_points_nose_tip, profile, in percent'
    assert lines[2].split()[1:4] == ['1', '9.00', '9.00']
    assert 'Note' not in lines[3]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['a.csv', '--labels', 'a', 'b'], 'give each file a label of its own'),
        (['a.csv', 'a.csv'], 'give each file a label of its own'),
        (['a.csv', '--limits', '0'], 'limit 0: give percent above 0'),
        (['a.csv', '--value', 'x'], "a.csv has no errors 'x', but NME_pix"),
        (['a.csv', '--subset', 'x'], "'x' matches no face; .*: frontal"),
    ],
)
def test_curves_that_cannot_be_drawn(
    root: Path, predictions: list[dict], arguments: list, message: str
) -> None:
    report(root, predictions)
    Path('report/errors.csv').rename('a.csv')
    with pytest.raises(ValueError, match=message):
        plot(arguments)
    assert not Path('ced.png').exists()


def test_two_models_on_the_same_faces(
    root: Path, predictions: list[dict], capsys: pytest.CaptureFixture
) -> None:
    report(root, predictions)
    name, *columns = 'NME_pixels_eye_points', 'NME_cells_eye_points'
    with open('report/errors.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    for path, change in (('b0.csv', -2), ('b1.csv', -1)):
        with open(path, 'w', newline='') as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            for row in rows:
                error = max(0, float(row[name]) + change)
                writer.writerow({**row, name: error})
    capsys.readouterr()
    compare = load_tool('analysis_tools/compare.py').main
    compare(
        ['--first', 'report/errors.csv', '--second', 'b0.csv', 'b1.csv']
        + ['--value', name, *columns]
    )
    lines = capsys.readouterr().out.splitlines()
    # The errors 0, 3, 6, 9 become 0, 1.5, 4.5, 7.5.
    assert lines[0].startswith(
        f'{name}, 4 faces: 4.500 -> 3.375 %, difference -1.125 (95 %: -1.5'
    )
    assert lines[0].endswith('better on 75% of the faces, worse on 0%')
    assert 'difference +0.000 (95 %: +0.000 to +0.000)' in lines[1]
    with pytest.raises(ValueError, match='no face'):
        compare(['--first', 'b0.csv', '--second', 'b1.csv', '--subset', 'none'])
