from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from test_inference.small_model import build, config, random_crops
from test_inference.small_model import write_checkpoint as write

from rcn_mmpose import load_model
from rcn_mmpose.datasets.face.mtfl import MTFLDataset
from rcn_mmpose.geometry.keypoints import FIVE_NAMES
from rcn_mmpose.inference import ModelInfo, Predictor
from rcn_mmpose.lab.report.annotated_faces import AnnotatedFaces
from rcn_mmpose.lab.report.box_errors import box_errors
from rcn_mmpose.lab.report.markdown_report import markdown, table
from rcn_mmpose.lab.report.model_report import ModelReport
from rcn_mmpose.lab.report.model_test import (
    best_cells_of,
    has_cells,
    run_test,
)

SIDE = 40
# in a crop of 40 pixels
POINTS = np.array([(12, 14), (28, 14), (20, 20), (14, 28), (26, 28)], float)
BOXES = ([20, 30, 60, 70], [100, 20, 180, 100], [10, 10, 50, 50])


class Fixed(Predictor):
    """A model that predicts the same keypoints in every crop."""

    def _run(self, crops: np.ndarray) -> tuple:
        count = len(crops)
        return (
            POINTS[None].repeat(count, 0).astype(np.float32),
            np.ones((count, 5), np.float32),
            np.zeros((count, 5, 2, 2), np.float32),
        )


def fixed(**options: object) -> Fixed:
    return Fixed(ModelInfo((SIDE, SIDE), tuple(FIVE_NAMES)), **options)


@pytest.fixture
def faces(tmp_path: Path) -> AnnotatedFaces:
    """Two faces in one image, one in another.

    Their keypoints are the predictions of ``Fixed``; those of the third face lie
    2 pixels to the right of the prediction.
    """
    found = []
    for i, (name, box) in enumerate(zip('aab', BOXES, strict=True)):
        path = tmp_path / f'{name}.png'
        cv2.imwrite(str(path), np.full((120, 200, 3), 90, np.uint8))
        scale = (box[2] - box[0]) / SIDE
        points = POINTS * scale + box[:2] + ((2, 0) if i == 2 else (0, 0))
        found.append(
            dict(
                id=i + 1,
                img_path=str(path),
                bbox=np.array([box], np.float32),
                keypoints=points[None].astype(np.float32),
                keypoints_visible=np.ones((1, 5), np.float32),
                raw_ann_info=dict(
                    keypoints=np.column_stack((points, [2, 2, 1, 2, 2]))
                    .ravel()
                    .tolist(),
                    attributes=dict(pose=3, kind='xyx'[i]),
                ),
            )
        )
    meta = MTFLDataset(lazy_init=True, ann_file='').metainfo
    return AnnotatedFaces('three', 'three.json', meta, found)


def by_hand(box: list, dx: float, dy: float, zoom: float, turn: float):  # noqa: ANN201
    """The keypoints that Fixed predicts with a wrong box."""
    side = (box[2] - box[0]) * zoom
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    centre += np.array([dx, dy]) * (box[2] - box[0])
    angle = np.radians(turn)
    x, y = ((POINTS - SIDE / 2) * side / SIDE).T
    return centre + np.stack(
        (
            np.cos(angle) * x - np.sin(angle) * y,
            np.sin(angle) * x + np.cos(angle) * y,
        ),
        -1,
    )


def test_true_and_wrong_boxes(faces: AnnotatedFaces) -> None:
    done = []
    errors = box_errors()
    tested = run_test(fixed(), faces, None, errors, {1}, lambda n: done.append(n))
    assert done == [2, 1]
    assert tested.true.rows == [0, 1, 2] and tested.detected is None
    for i, box in enumerate(BOXES):
        np.testing.assert_allclose(
            tested.true.keypoints[0][i], by_hand(box, 0, 0, 1, 0), atol=1e-4
        )
    for error in errors:
        found = tested.wrong[error.kind, error.amount]
        assert found.rows == [1] * len(error.moves)
        for points, move in zip(found.keypoints[0], error.moves, strict=True):
            expected = by_hand(BOXES[1], *move)
            np.testing.assert_allclose(points, expected, atol=1e-4)


def test_the_model_does_not_change(faces: AnnotatedFaces) -> None:
    rule = dict(rule='detection', scale=1.5)
    model = Fixed(ModelInfo((SIDE, SIDE), tuple(FIVE_NAMES), rule))
    info, before = model.info, vars(model).copy()
    tested = run_test(model, faces)
    assert model.info is info and info.box_rule == rule
    assert vars(model) == before
    # the rule is not used: the boxes are the squares of the crops
    np.testing.assert_allclose([side for _, side in tested.true.squares], [40, 80, 40])


def test_the_numbers_of_the_report(faces: AnnotatedFaces) -> None:
    """The eyes are 16 crop pixels apart: 16, 32 and 16 image pixels."""

    def detector(image: np.ndarray) -> np.ndarray:
        # a box of the first face, 1.2 times as large, and a box of no face;
        # both boxes match no face of the other image
        return np.array([[16, 26, 64, 74], [150, 80, 190, 119]], float)

    errors = box_errors(shifts=(0.1,), scales=(0.2,), rotations=(20,))
    tested = run_test(fixed(), faces, detector, errors, {0})
    assert tested.detected.rows == [0] and tested.others == 3
    report = ModelReport(faces, tested, errors, (SIDE, SIDE))
    (true,) = report.content['true_boxes']
    assert true['NME_pixels_eye_points'] == pytest.approx(
        100 * (0 + 0 + 2 / 16) / 3, abs=1e-3
    )
    assert true['FR10_pixels_eye_points'] == pytest.approx(100 / 3)
    assert 'NME_cells_eye_points' not in true

    found = report.content['detector']
    assert (found['faces'], found['found'], found['missed']) == (3, 1, 2)
    assert found['boxes_of_no_face'] == 3
    (entry,) = found['passes']
    # the box is 1.2 times as large about the same centre
    off = np.linalg.norm((POINTS - 20) * 0.2, axis=1).mean() / 16
    nme = entry['found_faces']['NME_pixels_eye_points']
    assert nme == pytest.approx(100 * off, abs=1e-3)
    assert entry['found_faces_true_boxes'] == pytest.approx(0, abs=1e-3)
    whole = entry['all_faces']
    failures = 200 / 3 if off < 0.1 else 100
    assert whole['FR10_pixels_eye_points'] == pytest.approx(failures)
    area = max(0, 10 - 100 * off) / 10 * 100 / 3
    assert whole['AUC10_pixels_eye_points'] == pytest.approx(area, abs=0.01)

    lines = {
        (line['kind'], line['amount']): line
        for line in report.content['wrong_boxes']['lines']
    }
    assert report.content['wrong_boxes']['faces'] == 1
    # all points move by a tenth of 40 pixels
    (nme,) = lines['shift', 10.0]['NME']
    assert nme == pytest.approx(100 * 4 / 16, abs=1e-3)
    assert lines['shift', 10.0]['FR10'] == [100]
    assert lines['none', 0.0]['NME'][0] == pytest.approx(0, abs=1e-3)
    (nme,) = lines['scale', 20.0]['NME']
    assert nme == pytest.approx(100 * off, abs=1e-3)
    reach = np.linalg.norm(POINTS - 20, axis=1)
    chord = 2 * np.sin(np.radians(10)) * reach.mean() / 16
    (nme,) = lines['rotation', 20.0]['NME']
    assert nme == pytest.approx(100 * chord, abs=1e-3)

    groups = {
        (line['criterion'], line['group']): line for line in report.content['groups']
    }
    (nme,) = groups['kind', 'x']['NME']
    assert nme == pytest.approx(100 * 2 / 16 / 2, abs=1e-3)
    assert groups['kind', 'x']['FR10'] == [50]
    assert groups['kind', 'y']['NME'][0] == pytest.approx(0, abs=1e-3)
    for name, count in (('visible', 12), ('hidden', 3)):
        line = groups['each keypoint', name]
        assert line['keypoints'] == count
        assert line['NME'][0] == pytest.approx(100 * 2 / 16 / 3, abs=1e-3)


def test_two_passes_and_their_text(faces: AnnotatedFaces) -> None:
    model = fixed(passes=2)
    errors = box_errors(shifts=(0.05,), scales=(), rotations=())
    tested = run_test(model, faces, None, errors, {0, 2})
    report = ModelReport(faces, tested, errors, (SIDE, SIDE))
    assert [*report.curves] == [
        'true boxes, first pass',
        'true boxes, second pass',
        'true boxes, both joined',
    ]
    # the second square of the first face, by hand: the extent is 16 wide and
    # 14 high about (20, 21); the eyes are level
    scale, shift = model.second_pass.scale, model.second_pass.shift
    centre = np.array([20, 21 + 16 * shift]) + BOXES[0][:2]
    again = (POINTS - 20) * 16 * scale / SIDE + centre
    np.testing.assert_allclose(tested.true.keypoints[1][0], again, atol=1e-4)
    # without variances both passes have the same weight
    np.testing.assert_allclose(
        tested.true.keypoints[2][0],
        (again + POINTS + BOXES[0][:2]) / 2,
        atol=1e-4,
    )
    _, second, _ = report.content['true_boxes']
    expected = np.linalg.norm(again - POINTS - BOXES[0][:2], axis=1).mean()
    assert report.tables[1].errors('pixels', 'eye_points')[0] == (
        pytest.approx(100 * expected / 16, abs=1e-3)
    )
    lines = markdown(report.content).splitlines()
    nme = second['NME_pixels_eye_points']
    row = next(line for line in lines if line.startswith('| true, second'))
    assert f'| {nme:.2f} |' in row and row.count('|') == lines[0].count('|')
    assert '| shift 5 % |' in '\n'.join(lines)
    assert sum(line.startswith('| nose_tip |') for line in lines) == 1


def test_tables() -> None:
    text = table(['a', 'b|c'], [['x|y', 1.234], [None, 2]])
    assert text.splitlines() == [
        '| a | b|c |',
        '| --- | --- |',
        r'| x\|y | 1.23 |',
        '|  | 2.00 |',
    ]


def test_other_keypoints_and_bad_boxes_are_errors(faces: AnnotatedFaces) -> None:
    model = Fixed(ModelInfo((SIDE, SIDE), ('a', 'b')))
    with pytest.raises(ValueError, match="2 keypoints, the faces of 'three'"):
        run_test(model, faces)
    faces.faces[2]['bbox'] += 900
    with pytest.raises(ValueError, match='b.png.*outside the image'):
        run_test(fixed(), faces)


def test_the_most_probable_cells(tmp_path: Path) -> None:
    model = load_model(write(tmp_path / 'a.pth', config(), build()))
    crops = random_crops(6)
    assert has_cells(model) and not has_cells(fixed())
    cells = best_cells_of(model, crops)
    with torch.inference_mode():
        scores = model.network.scores(torch.from_numpy(crops)).numpy()
    best = scores.reshape(6, 5, -1).argmax(-1)
    np.testing.assert_array_equal(cells[..., 0], best % SIDE)
    np.testing.assert_array_equal(cells[..., 1], best // SIDE)
