from __future__ import annotations

import base64
import csv
import io
from copy import copy
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import known_lines
from rcn_mmpose.image.drawing import draw_keypoints
from rcn_mmpose.serve.service import NO_BOX, NO_FACE, Service
from rcn_mmpose.serve.upload import Refusal


def encode(image: np.ndarray) -> bytes:
    return cv2.imencode('.png', image)[1].tobytes()


def decode(url: str) -> np.ndarray:
    start, content = url.split(',')
    assert start == 'data:image/jpeg;base64'
    content = np.frombuffer(base64.b64decode(content), np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def test_the_answer_contains_the_keypoints_of_the_predictor(
    service: Service, face: np.ndarray
) -> None:
    found = service.answer(encode(face), 'a b.png')
    expected = service.predictor(face)
    assert len(expected) == 1

    coco = found['coco']
    assert coco['failures'] == []
    (image,) = coco['images']
    assert image == dict(id=1, file_name='a b.png', width=160, height=160)
    (annotation,) = coco['annotations']
    points = np.reshape(annotation['keypoints'], (5, 3))
    np.testing.assert_allclose(points[:, :2], expected.keypoints[0])
    scores = annotation['keypoint_scores']
    np.testing.assert_allclose(scores, expected.confidence[0])

    rows = list(csv.DictReader(io.StringIO(found['csv'])))
    assert [row['keypoint'] for row in rows] == list(expected.names)
    assert {row['file'] for row in rows} == {'a b.png'}
    np.testing.assert_allclose(
        [[float(row['x']), float(row['y'])] for row in rows],
        expected.keypoints[0],
    )
    assert found['seconds'] > 0


def test_the_drawing_of_a_small_image_is_enlarged(
    service: Service, face: np.ndarray
) -> None:
    plain = decode(service.answer(encode(face))['drawn'])
    ellipses = decode(service.answer(encode(face), ellipses=True)['drawn'])
    assert plain.shape == ellipses.shape == (800, 800, 3)
    result = service.predictor(face)
    # At five times the size, the centre of pixel x lies at 5 x + 2.
    large = cv2.resize(face, (800, 800), interpolation=cv2.INTER_CUBIC)
    common = (
        5 * result.keypoints + 2,
        result.confidence,
        5 * result.boxes + 2,
    )
    for drawn, covariance in (
        (plain, None),
        (ellipses, 25 * result.covariance),
    ):
        lines = known_lines(result.names)
        expected = draw_keypoints(large, *common, covariance, lines=lines)
        coding = cv2.imencode('.jpg', expected)[1]
        expected = cv2.imdecode(coding, cv2.IMREAD_COLOR).astype(int)
        assert np.abs(drawn - expected).mean() < 0.1
    assert np.abs(plain.astype(int) - ellipses).mean() > 1


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        ((2000, 1000), (1600, 800)),
        ((1000, 3), (1000, 3)),
        ((1, 1), (800, 800)),
    ],
)
def test_sizes_of_drawings(service: Service, size: tuple, expected: tuple) -> None:
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    drawn = decode(service.answer(encode(image))['drawn'])
    assert drawn.shape[1::-1] == expected


def test_the_drawing_of_a_long_strip_has_a_height(service: Service) -> None:
    image = np.full((1, 5000, 3), 128, np.uint8)
    drawn = decode(service.answer(encode(image))['drawn'])
    assert drawn.shape == (1, 1600, 3)


def test_an_image_without_a_face_is_a_failure(service: Service) -> None:
    found = service.answer(encode(np.zeros((90, 90), np.uint8)), 'black.png')
    assert found['coco']['annotations'] == []
    assert found['coco']['failures'] == [
        dict(file_name='black.png', face=None, reason=NO_FACE)
    ]
    assert found['csv'].count('\n') == 1
    assert decode(found['drawn']).max() < 10


def test_a_face_that_fails_does_not_affect_others(
    service: Service, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [[900, 900, 990, 990], [10, 20, 140, 150]]
    monkeypatch.setattr(service.predictor, 'detector', lambda _: boxes)
    coco = service.answer(encode(face), 'two.png')['coco']
    (annotation,) = coco['annotations']
    assert annotation['bbox'] == [10, 20, 130, 130]
    (failure,) = coco['failures']
    assert failure['face'] == 0 and failure['file_name'] == 'two.png'


def test_description_of_the_models(service: Service) -> None:
    told = service.describe()
    assert told['model'] == 'small' and told['keypoints'] == 5
    assert (told['radius'], told['side'], told['licence']) == (3, 40, '')
    assert told['most_bytes'] == 32 * 2**20
    assert {'image/png', 'image/tiff', 'image/gif'} <= set(told['kinds'])
    facts = ('model', 'keypoints', 'radius', 'side', 'licence')
    assert told['models'] == [{name: told[name] for name in facts}]


def test_the_model_that_a_request_names(
    service: Service, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy(service.predictor)
    other.info = replace(other.info, licence='CC BY 4.0')
    both = Service({'a': service.predictor, 'b/best': other})
    told = both.describe()
    assert [(m['model'], m['licence']) for m in told['models']] == [
        ('a', ''),
        ('b/best', 'CC BY 4.0'),
    ]
    assert told['model'] == 'a'
    monkeypatch.setattr(other, 'detector', lambda _: [])
    for model, count in (('', 1), ('a', 1), ('b/best', 0)):
        coco = both.answer(encode(face), model=model)['coco']
        assert len(coco['annotations']) == count
    with pytest.raises(Refusal, match='give one of a, b/best'):
        both.answer(encode(face), model='best')


def test_drawn_boxes_are_predicted_like_given_boxes(
    service: Service, face: np.ndarray
) -> None:
    box = [10, 20, 140, 150]
    expected = service.predictor(face, [box])
    coco = service.answer(encode(face), boxes=[box], detect=False)['coco']
    (annotation,) = coco['annotations']
    points = np.reshape(annotation['keypoints'], (5, 3))[:, :2]
    np.testing.assert_array_equal(points.astype(np.float32), expected.keypoints[0])


def test_a_drawn_box_replaces_the_detected_box_of_its_face(
    service: Service, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other detected faces keep their boxes and keypoints."""
    detected = [[10, 20, 140, 150], [0, 0, 60, 60]]
    monkeypatch.setattr(service.predictor, 'detector', lambda _: detected)
    before = service.answer(encode(face))['coco']['annotations']
    drawn = [20, 30, 150, 155]  # IoU with the first 0.75, with the second 0.06
    after = service.answer(encode(face), boxes=[drawn])['coco']['annotations']
    assert [a['bbox'] for a in after] == [[0, 0, 60, 60], [20, 30, 130, 125]]
    assert after[0]['keypoints'] == before[1]['keypoints']


def test_without_boxes_and_detector_the_image_is_shown(
    service: Service, face: np.ndarray
) -> None:
    """A browser cannot show TIFF, so the server sends what to draw on."""
    found = service.answer(encode(face), 'a.tiff', detect=False)
    assert [f['reason'] for f in found['coco']['failures']] == [NO_BOX]
    shown = cv2.resize(face, (800, 800), interpolation=cv2.INTER_CUBIC).astype(int)
    assert np.abs(decode(found['drawn']) - shown).mean() < 3


def test_several_faces_are_numbered_in_the_drawing(
    service: Service, face: np.ndarray
) -> None:
    boxes = [[10, 20, 140, 150], [20, 30, 150, 155]]
    result = service.predictor(face, boxes)
    large = cv2.resize(face, (800, 800), interpolation=cv2.INTER_CUBIC)
    common = (5 * result.keypoints + 2, result.confidence, 5 * result.boxes + 2)
    lines = known_lines(result.names)
    expected = draw_keypoints(large, *common, lines=lines, numbers=[0, 1])
    answer = service.answer(encode(face), boxes=boxes, detect=False)
    coding = cv2.imencode('.jpg', expected)[1]
    expected = cv2.imdecode(coding, cv2.IMREAD_COLOR).astype(int)
    assert np.abs(decode(answer['drawn']) - expected).mean() < 0.1
