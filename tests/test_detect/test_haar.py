from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.detect import HaarDetector, detect_faces_for, haar
from rcn_mmpose.geometry.boxes import (
    box_from_detection,
    box_from_eyes_and_mouth,
    overlap,
)
from rcn_mmpose.inference import ModelInfo, Predictor
from rcn_mmpose.lab.calibration import detector_boxes as calibration
from rcn_mmpose.synthetic import SyntheticFace, render_face


@pytest.fixture(scope='module')
def face() -> SyntheticFace:
    return render_face(0, pose=(0.0, 0.0, 0.0), plain=True)


def on_grey(image: np.ndarray, places: list[tuple]) -> np.ndarray:
    """Return a large grey image with copies of an image at the given corners."""
    canvas = np.full((400, 600, 3), 128, np.uint8)
    height, width = image.shape[:2]
    for x, y in places:
        canvas[y : y + height, x : x + width] = image
    return canvas


def test_boxes_of_faces(face: SyntheticFace) -> None:
    true = box_from_eyes_and_mouth(face.five, (160, 160))
    places = [(30, 40), (300, 200)]
    canvas = on_grey(face.image, places)
    boxes = HaarDetector()(canvas)
    assert boxes.shape == (2, 4) and boxes.dtype == np.float64
    for x, y in places:
        moved = true + (x, y, x, y)
        assert overlap(moved, boxes).max() > 0.6
    # A grey image gives the same boxes.
    grey = cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(HaarDetector()(grey), boxes)
    np.testing.assert_array_equal(HaarDetector()(grey[..., None]), boxes)


def test_the_largest_face_comes_first(face: SyntheticFace) -> None:
    canvas = on_grey(face.image, [(30, 40)])
    small = cv2.resize(face.image, (80, 80), interpolation=cv2.INTER_AREA)
    canvas[250:330, 10:90] = small
    boxes = HaarDetector()(canvas)
    assert len(boxes) == 2
    assert np.diff(boxes[:, 2] - boxes[:, 0])[0] < 0
    # A fifth of the shorter side is 80 pixels; only one box is larger.
    (only,) = HaarDetector(smallest=0.2)(canvas)
    assert overlap(only, boxes)[0] > 0.9


def test_correction(face: SyntheticFace) -> None:
    canvas = on_grey(face.image, [(30, 40)])
    (raw,) = HaarDetector('cascade')(canvas)
    assert raw[2] - raw[0] == raw[3] - raw[1]
    assert (raw % 1 == 0.5).all()  # edges of pixels: pixel centres are whole numbers
    for name, (scale, shift) in dict(
        eyes_and_mouth=(1.209, 0.088), extent=(1.165, 0.154)
    ).items():
        (box,) = HaarDetector(name)(canvas)
        wanted = box_from_detection(raw, scale, shift)
        np.testing.assert_allclose(box, wanted)


def test_large_images_are_reduced_before_detection(face: SyntheticFace) -> None:
    canvas = on_grey(face.image, [(30, 40)])
    (box,) = HaarDetector()(canvas)
    large = cv2.resize(canvas, None, fx=4, fy=4)
    (found,) = HaarDetector()(large)
    # Pixel x of the small image covers the pixels 4x to 4x + 3.
    np.testing.assert_allclose(found, box * 4 + 1.5, atol=40)
    assert overlap(box * 4 + 1.5, found[None])[0] > 0.85


@pytest.mark.parametrize(
    'shape', [(1, 1), (10, 20000), (23, 23), (24, 24), (160, 160, 3)]
)
def test_images_without_a_face(shape: tuple) -> None:
    boxes = HaarDetector()(np.full(shape, 128, np.uint8))
    assert boxes.shape == (0, 4) and boxes.dtype == np.float64


@pytest.mark.parametrize(
    'options',
    [
        dict(boxes='square'),
        dict(smallest=0),
        dict(smallest=1),
        dict(smallest=float('nan')),
        dict(neighbours=0),
    ],
)
def test_invalid_options(options: dict) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=name):
        HaarDetector(**options)


def test_without_cascades(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cv2.data, 'haarcascades', str(tmp_path))
    with pytest.raises(ImportError, match='opencv-python-headless>=4.12,<5'):
        HaarDetector()
    monkeypatch.undo()
    monkeypatch.delattr(cv2, 'CascadeClassifier')
    with pytest.raises(ImportError, match='has no cascade'):
        HaarDetector()


class Corner(Predictor):
    """Returns the corner of the crop as every keypoint."""

    def _run(self, crops: np.ndarray) -> tuple:
        count, points = len(crops), len(self.info.keypoints)
        shapes = ((2,), (), (2, 2))
        return tuple(np.zeros((count, points, *s), np.float32) for s in shapes)


@pytest.mark.parametrize(
    ('count', 'boxes'), [(5, 'eyes_and_mouth'), (68, 'extent'), (3, 'extent')]
)
def test_the_detector_of_a_model_returns_the_boxes_of_its_training(
    count: int, boxes: str, face: SyntheticFace
) -> None:
    rule = dict(rule='detection', scale=3.0)
    trained = dict(haar=haar.CALIBRATED[boxes])
    info = ModelInfo(
        (40, 40), tuple('k' * count), box_rule=rule, training_boxes=trained
    )
    plain = Corner(info)
    predictor = plain.with_detector(HaarDetector.for_model(plain, neighbours=3))
    assert plain.info is info and plain.detector is None
    canvas = on_grey(face.image, [(30, 40)])
    result = predictor(canvas)
    wanted = HaarDetector(boxes, neighbours=3)(canvas)
    np.testing.assert_allclose(result.boxes, wanted)
    # The crop is the box itself. The centre of its first pixel lies half a pixel
    # of the crop inside the corner.
    scale = (wanted[0, 2] - wanted[0, 0]) / 40
    np.testing.assert_allclose(result.keypoints[0, 0], wanted[0, :2], atol=scale)


def test_the_old_function_sets_the_detector_of_the_predictor() -> None:
    trained = dict(haar=dict(scale=2.0))
    predictor = Corner(ModelInfo((40, 40), tuple('abcde'), training_boxes=trained))
    with pytest.warns(DeprecationWarning, match='Predictor.with_detector'):
        detector = detect_faces_for(predictor, neighbours=3)
    assert predictor.detector is detector and detector.neighbours == 3


# ------------------------------------------------------------- calibration


def test_overlap() -> None:
    others = np.array([(0, 0, 2, 2), (1, 1, 3, 3), (2, 0, 4, 2)], float)
    found = overlap(np.array([0.0, 0, 2, 2]), others)
    np.testing.assert_allclose(found, (1, 1 / 7, 0))


def test_calibration_finds_scale_and_shift(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths, true = [], []
    detected: dict[int, np.ndarray] = {}
    for i in range(9):
        path = str(tmp_path / f'{i}.png')
        cv2.imwrite(path, np.full((50, 50), i, np.uint8))
        corner, side = rng.uniform(0, 20, 2), rng.uniform(10, 20)
        box = np.concatenate((corner, corner + side))
        paths.append(path)
        true.append(box_from_detection(box, 1.2, 0.1))
        detected[i] = np.array([box, box + 100])
    detected[4] = detected[4][1:]  # the face is missed
    found = calibration.compare_boxes(
        lambda image: detected[int(image[0, 0, 0])], paths, np.array(true)
    )
    assert (found.faces, found.missed, found.others) == (9, 1, 9)
    assert found.scale == pytest.approx(1.2)
    assert found.shift == pytest.approx(0.1)
    assert found.sideways == pytest.approx(0)
    np.testing.assert_allclose(found.spread, [(1.2, 1.2), (0.1, 0.1)])
    with pytest.raises(ValueError, match='found no face of 9'):
        calibration.compare_boxes(lambda image: np.zeros((0, 4)), paths, np.array(true))


def test_calibration_of_a_file(
    face: SyntheticFace, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    canvas = on_grey(face.image, [(30, 40)])
    cv2.imwrite(str(tmp_path / 'a.png'), canvas)
    (raw,) = HaarDetector('cascade')(canvas)
    x1, y1, x2, y2 = box_from_detection(raw, **haar.CALIBRATED['extent'])
    content = dict(
        images=[dict(id=1, file_name='a.png')],
        annotations=[
            dict(image_id=1, bbox=[x1, y1, x2 - x1, y2 - y1]) for _ in range(3)
        ],
    )
    file = tmp_path / 'faces.json'
    file.write_text(json.dumps(content))
    words = [str(file), str(tmp_path), '--faces', '2']
    calibration.main(words)
    said = capsys.readouterr().out
    assert said.startswith('2 faces, 0 missed, 0 other boxes\nscale 1.165 ')
    assert '\nshift 0.154 ' in said
    calibration.main([*words, '--turn', '5'])
    assert '0 missed' in capsys.readouterr().out
    with pytest.raises(ValueError, match='found no face of 2'):
        calibration.main([*words, '--turn', '90'])


@pytest.fixture(scope='module')
def photos(face: SyntheticFace) -> list[np.ndarray]:
    """Images that each have their faces at other places."""
    places = np.random.default_rng(0).integers(0, (430, 230), (12, 2)).tolist()
    return [on_grey(face.image, [tuple(place)]) for place in places]


@pytest.mark.parametrize('threads', [2, 4, 8])
def test_threads_share_a_detector(photos: list[np.ndarray], threads: int) -> None:
    detector = HaarDetector()
    alone = [detector(photo) for photo in photos]
    assert all(len(boxes) for boxes in alone)
    with ThreadPoolExecutor(threads) as pool:
        together = list(pool.map(detector, photos * 4))
    for boxes, expected in zip(together, alone * 4, strict=True):
        np.testing.assert_array_equal(boxes, expected)


@pytest.mark.parametrize('threads', [2, 4, 8])
def test_threads_share_a_predictor(photos: list[np.ndarray], threads: int) -> None:
    pytest.importorskip('onnxruntime')
    model = load_model('rcn-5', detector='haar')
    alone = [model(photo).keypoints for photo in photos]
    with ThreadPoolExecutor(threads) as pool:
        together = list(pool.map(model, photos * 2))
    for result, expected in zip(together, alone * 2, strict=True):
        np.testing.assert_array_equal(result.keypoints, expected)


def test_a_detector_can_be_copied_and_pickled(photos: list[np.ndarray]) -> None:
    detector = HaarDetector(neighbours=3)
    for twin in (deepcopy(detector), pickle.loads(pickle.dumps(detector))):
        assert twin.neighbours == 3
        np.testing.assert_array_equal(twin(photos[0]), detector(photos[0]))
