from __future__ import annotations

import base64
import csv
import io

import cv2
import numpy as np
import pytest

from rcn_mmpose.image.drawing import draw_keypoints
from rcn_mmpose.serve.service import NO_FACE, Service


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
        expected = draw_keypoints(large, *common, covariance)
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


def test_description_of_the_model(service: Service) -> None:
    told = service.describe()
    assert told['model'] == 'small' and told['keypoints'] == 5
    assert (told['radius'], told['side']) == (3, 40)
    assert told['most_bytes'] == 32 * 2**20
    assert 'image/png' in told['kinds']
