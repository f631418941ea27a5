"""YuNet: faces of all sizes, threads, copies, odd images and broken weights."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.detect import YuNetDetector, choose_detector, haar, yunet
from rcn_mmpose.geometry.boxes import (
    box_from_detection,
    box_from_eyes_and_mouth,
    overlap,
)
from rcn_mmpose.geometry.keypoints import FIVE_NAMES
from rcn_mmpose.geometry.training_boxes import EXTENT, EYES_AND_MOUTH
from rcn_mmpose.synthetic import SyntheticFace, render_face

pytestmark = pytest.mark.skipif(
    yunet._package_file() is None, reason='the weights are not installed'
)


@pytest.fixture(scope='module')
def face() -> SyntheticFace:
    return render_face(0, pose=(0.0, 0.0, 0.0), plain=True)


def placed(face: SyntheticFace, side: int, shape: tuple, x: int, y: int) -> np.ndarray:
    """Return a grey image with a face whose image has a side in pixels."""
    canvas = np.full((*shape, 3), 128, np.uint8)
    how = cv2.INTER_AREA if side < 160 else cv2.INTER_LINEAR
    small = cv2.resize(face.image, (side, side), interpolation=how)
    canvas[y : y + side, x : x + side] = small
    return canvas


@pytest.mark.parametrize(
    ('side', 'shape', 'x', 'y'),
    [
        (160, (400, 600), 30, 40),
        (60, (300, 300), 200, 20),
        (800, (900, 1000), 100, 50),
        (2400, (2600, 4000), 1000, 100),
        (48, (4000, 5000), 3000, 2500),  # a small face in 20 megapixels
        (48, (2000, 2600), 1200, 1200),  # where two tiles meet
    ],
)
def test_faces_of_all_sizes(
    face: SyntheticFace, side: int, shape: tuple, x: int, y: int
) -> None:
    true = box_from_eyes_and_mouth(face.five, (160, 160)) * (side / 160)
    found = YuNetDetector()(placed(face, side, shape, x, y))
    assert len(found) == 1
    assert overlap(true + (x, y, x, y), found.boxes)[0] > 0.55
    assert 0.7 <= found.scores[0] <= 1
    expected = face.five * (side / 160) + (x, y)
    assert np.abs(found.points[0] - expected).max() < 0.15 * side


def test_grey_images_and_corrections(face: SyntheticFace) -> None:
    image = cv2.cvtColor(placed(face, 160, (300, 400), 50, 60), cv2.COLOR_BGR2GRAY)
    raw = YuNetDetector('yunet')
    assert raw.box_rule is None
    (box,) = raw(image)
    (same,) = raw(image[..., None])
    np.testing.assert_array_equal(box, same)
    for boxes, values in (
        ('eyes_and_mouth', EYES_AND_MOUTH['yunet']),
        ('extent', EXTENT['yunet']),
        (dict(scale=2.0, shift=0.5), dict(scale=2.0, shift=0.5)),
    ):
        detector = YuNetDetector(boxes)
        assert detector.box_rule == dict(rule='given')
        np.testing.assert_allclose(
            detector(image).boxes, [box_from_detection(box, **values)]
        )


@pytest.mark.parametrize(
    'shape',
    [(1, 1), (1, 1, 3), (9, 9, 3), (10, 20000, 3), (20000, 10, 3), (40, 5, 3)]
    + [(12, 12), (33, 31, 1), (480, 640, 3)],
)
def test_images_without_a_face(shape: tuple) -> None:
    found = YuNetDetector()(np.full(shape, 90, np.uint8))
    assert found.boxes.shape == (0, 4) and found.points.shape == (0, 5, 2)


@pytest.mark.parametrize('shape', [(1000, 16), (16, 1000), (20, 20), (40, 1280)])
def test_narrow_images_give_no_random_faces(shape: tuple) -> None:
    """OpenCV reads uninitialised memory for sides of up to 32 pixels."""
    image = np.full((*shape, 3), 90, np.uint8)
    for _ in range(12):
        waste = np.full(1_000_000, np.nan, np.float32)  # what the memory may hold
        del waste
        assert len(YuNetDetector(score=0.3)(image)) == 0


def test_many_faces_the_largest_first(face: SyntheticFace) -> None:
    canvas = np.full((1000, 1000, 3), 128, np.uint8)
    sides = np.linspace(60, 96, 100).astype(int)
    for i, side in enumerate(sides.tolist()):
        y, x = 100 * (i // 10), 100 * (i % 10)
        small = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_AREA)
        canvas[y : y + side, x : x + side] = small
    found = YuNetDetector()(canvas)
    assert len(found) >= 97
    assert (np.diff(found.boxes[:, 2] - found.boxes[:, 0]) <= 0).all()


def test_the_smallest_face(face: SyntheticFace) -> None:
    image = placed(face, 60, (300, 300), 200, 20)
    assert len(YuNetDetector(smallest=0.05)(image)) == 1
    assert len(YuNetDetector(smallest=0.5)(image)) == 0


@pytest.mark.parametrize('threads', [2, 4, 8])
def test_threads_share_a_detector(face: SyntheticFace, threads: int) -> None:
    detector = YuNetDetector()
    images = [placed(face, s, (300, 400), s, 40) for s in range(80, 176, 8)]
    alone = [detector(image).boxes for image in images]
    with ThreadPoolExecutor(threads) as pool:
        together = [found.boxes for found in pool.map(detector, images * 2)]
    for one, other in zip(alone * 2, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_copies_and_pickles(face: SyntheticFace) -> None:
    detector = YuNetDetector('extent', score=0.6)
    image = placed(face, 160, (300, 400), 50, 60)
    for other in (deepcopy(detector), pickle.loads(pickle.dumps(detector))):
        assert other.score == 0.6
        np.testing.assert_array_equal(other(image).boxes, detector(image).boxes)
    assert len(pickle.dumps(detector)) < 2000  # without the weights


@pytest.mark.parametrize(
    'options',
    [dict(boxes='haar'), dict(boxes=dict(scale=0)), dict(smallest=0), dict(score=1)]
    + [dict(smallest=1.0), dict(score=float('nan')), dict(score=0)],
)
def test_invalid_options(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options)) + '|scale'):
        YuNetDetector(**options)


def test_broken_weights(tmp_path: Path) -> None:
    content = Path(yunet._weights_path(None)).read_bytes()
    good = tmp_path / 'straße.onnx'
    good.write_bytes(content)
    assert YuNetDetector(path=good)
    for wrong in (b'', content[:-1], content + b'x', b'\0' * 5_000_000):
        broken = tmp_path / 'broken.onnx'
        broken.write_bytes(wrong)
        with pytest.raises(ValueError, match='truncated, changed or another model'):
            YuNetDetector(path=broken)
    for path in (tmp_path / 'none.onnx', tmp_path):
        with pytest.raises(FileNotFoundError, match='does not exist; pip install'):
            YuNetDetector(path=path)


def model_of(boxes: dict, names: tuple = FIVE_NAMES) -> SimpleNamespace:
    info = SimpleNamespace(name='own', keypoints=names, training_boxes=boxes)
    return SimpleNamespace(info=info)


def test_the_boxes_of_a_model() -> None:
    own = dict(scale=1.5, shift=0.0)
    assert yunet.boxes_for(model_of(dict(yunet=own))) == own
    older = dict(haar=EYES_AND_MOUTH['haar'])
    assert yunet.boxes_for(model_of(older)) == EYES_AND_MOUTH['yunet']
    assert yunet.boxes_for(model_of(dict(haar=own))) is None
    assert yunet.boxes_for(model_of(older, ('a', 'b'))) is None
    with pytest.raises(ValueError, match="'own' does not say"):
        YuNetDetector.for_model(model_of({}))


def test_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    model, said = load_model('rcn-5'), []
    for name in ('auto', 'yunet', f'yunet:{yunet._package_file()}'):
        assert isinstance(choose_detector(name, model, say=said.append), YuNetDetector)
    assert choose_detector('auto', model, 0.2, 0.6).score == 0.6
    for name in ('mtcnn', 'yunet:', 'auto:x', ''):
        with pytest.raises(ValueError, match='give .yunet'):
            choose_detector(name, model)
    with pytest.raises(ValueError, match='the cascade has no score'):
        choose_detector('haar', model, score=0.5)
    assert not said
    own = model_of(dict(haar=dict(scale=1.0, shift=0.0)))
    found = choose_detector('auto', own, say=said.append)
    assert isinstance(found, haar.HaarDetector) and 'detector_boxes' in said.pop()
    monkeypatch.setattr(yunet, 'PACKAGE', 'no_such_package')
    found = choose_detector('auto', model, say=said.append)
    assert isinstance(found, haar.HaarDetector)
    assert len(said) == 1 and 'pip install' in said[0]
    with pytest.raises(FileNotFoundError, match='pip install'):
        choose_detector('yunet', model)


def test_without_the_cascade(
    monkeypatch: pytest.MonkeyPatch, face: SyntheticFace
) -> None:
    """OpenCV 5 has no cascades in its main wheel."""
    monkeypatch.delattr(cv2, 'CascadeClassifier')
    monkeypatch.delattr(cv2, 'data')
    image = placed(face, 160, (300, 400), 50, 60)
    result = load_model('rcn-5', detector='auto')(image)
    assert len(result) == 1 and result.detection_scores[0] >= 0.7
