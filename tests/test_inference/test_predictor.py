from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.geometry.boxes import box_from_detection
from rcn_mmpose.inference import ModelInfo, Predictor

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (100, 140, 3)).astype(np.uint8)
GOOD = [20, 10, 80, 70]


class Brightest(Predictor):
    """Finds the brightest pixel of a crop; the confidence is the mean grey value."""

    sizes: list[int] = []

    def _run(self, crops: np.ndarray) -> tuple:
        self.sizes.append(len(crops))
        index = crops.reshape(len(crops), -1).argmax(1)
        places = np.stack((index % 40, index // 40), -1)[:, None]
        mean = crops.mean((1, 2))[:, None] / 255
        spread = np.broadcast_to(np.diag([1.0, 2.0]), (len(crops), 1, 2, 2))
        return places.astype(np.float32), mean, spread


def predictor(rule: str = 'given', **options: object) -> Brightest:
    info = ModelInfo((40, 40), ('spot',), box_rule=dict(rule=rule))
    found = Brightest(info, **options)
    found.sizes = []
    return found


def spot(x: int, y: int) -> np.ndarray:
    image = np.zeros((100, 140), np.uint8)
    image[y, x] = 255
    return image


# ------------------------------------------------------ images to pixels


@pytest.mark.parametrize('box', [(20, 30, 60, 70), (41, 26, 81, 66), (-10, -5, 30, 35)])
def test_keypoints_are_in_pixels_of_the_image(box: tuple) -> None:
    # A crop of 40 pixels from a box of 40 pixels is not interpolated.
    x, y = max(box[0], 0) + 7, max(box[1], 0) + 12
    result = predictor()(spot(x, y), [box])
    assert result.keypoints.tolist() == [[[x, y]]]
    assert result.covariance.tolist() == [[[[1, 0], [0, 2]]]]


def test_covariances_grow_with_the_box() -> None:
    result = predictor()(spot(60, 50), [(0, 0, 120, 90)])
    np.testing.assert_allclose(result.keypoints[0, 0], (60, 50), atol=2)
    # A pixel of the crop is 3 pixels of the image wide.
    np.testing.assert_allclose(result.covariance[0, 0], [[9, 0], [0, 18]])


def test_a_box_of_a_detector() -> None:
    box = np.array(GOOD, float)
    ours = predictor('detection')(IMAGE, box)
    theirs = predictor()(IMAGE, box_from_detection(box))
    np.testing.assert_array_equal(ours.keypoints, theirs.keypoints)
    np.testing.assert_array_equal(ours.boxes, [box])  # as given


def test_crop_and_predict_crops_equal_a_call() -> None:
    model = predictor()
    crops = model.crop(IMAGE, [GOOD])
    assert crops.shape == (1, 40, 40) and crops.dtype == np.uint8
    points, mean, _ = model.predict_crops(crops)
    result = model(IMAGE, GOOD)
    np.testing.assert_allclose(
        result.keypoints, points * 60 / 40 + np.array(GOOD[:2]), atol=1e-4
    )
    np.testing.assert_allclose(result.confidence, mean, rtol=1e-6)
    assert model.crop(IMAGE, []).shape == (0, 40, 40)


# ---------------------------------------------------------------- batches


@pytest.mark.parametrize('batch_size', [1, 2, 3, 100])
def test_batches_over_faces_and_images(batch_size: int) -> None:
    boxes = [
        np.stack([(x, y, x + 30, y + 40) for x in range(0, 90, 30)])
        for y in (0, 20, 50)
    ]
    boxes[1] = []
    model = predictor(batch_size=batch_size)
    result = model([IMAGE, IMAGE, IMAGE[:, ::-1]], boxes)
    full, rest = divmod(6, batch_size)
    assert model.sizes == [batch_size] * full + [rest] * (rest > 0)
    assert result.image_index.tolist() == [0, 0, 0, 2, 2, 2]
    alone = [
        predictor()(image, [box]).keypoints[0]
        for image, rows in (
            (IMAGE, boxes[0]),
            (IMAGE[:, ::-1], boxes[2]),
        )
        for box in rows
    ]
    np.testing.assert_array_equal(result.keypoints, alone)


def test_several_images_in_any_form() -> None:
    expected = predictor()([IMAGE] * 2, [[GOOD]] * 2).keypoints
    for images in (np.stack([IMAGE] * 2), iter([IMAGE] * 2)):
        found = predictor()(images, np.array([[GOOD]] * 2))
        np.testing.assert_array_equal(found.keypoints, expected)


def test_no_faces() -> None:
    result = predictor()(IMAGE, [])
    assert result.keypoints.shape == (0, 1, 2)
    assert result.covariance.shape == (0, 1, 2, 2)
    assert len(result) == 0 and not result.failures


def test_a_detector(tmp_path: Path) -> None:
    seen = []

    def detector(image: np.ndarray) -> list:
        seen.append(image.shape)
        return [GOOD] * len(seen)

    model = predictor(detector=detector)
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), IMAGE)
    result = model([path, IMAGE[..., 0]])
    assert seen == [(100, 140, 3), (100, 140)]
    assert result.image_index.tolist() == [0, 1, 1]
    # The detector does not run for given boxes.
    assert len(model(IMAGE, [GOOD])) == 1 and len(seen) == 2


# ----------------------------------------------------------------- errors


BAD_BOXES = {
    'not finite': [0, 0, np.nan, 9],
    'is empty': [50, 50, 40, 60],
    'outside the image of 140x100': [141, 0, 180, 40],
}


@pytest.mark.parametrize('message', BAD_BOXES)
def test_one_image_raises(message: str) -> None:
    with pytest.raises(ValueError, match=f'face 1: .*{message}'):
        predictor()(IMAGE, [GOOD, BAD_BOXES[message]])


def test_failures_in_a_list_do_not_affect_other_faces(tmp_path: Path) -> None:
    empty = tmp_path / 'empty.png'
    empty.touch()
    images = [IMAGE, empty, IMAGE / 255.0, IMAGE, tmp_path / 'no', 7]
    boxes = [
        [BAD_BOXES['is empty'], GOOD, *BAD_BOXES.values()],
        [GOOD, GOOD],
        [GOOD],
        [GOOD],
        [],
        [GOOD],
    ]
    result = predictor(batch_size=1)(images, boxes)
    assert len(result) == 5 + 2 + 1 + 1 + 0 + 1
    assert np.flatnonzero(result.found).tolist() == [1, 8]
    good = predictor()(IMAGE, GOOD)
    for row in (1, 8):
        np.testing.assert_array_equal(result.keypoints[row], good.keypoints[0])
    assert np.isnan(result.keypoints[~result.found]).all()
    assert np.isnan(result.covariance[~result.found]).all()
    assert (result.confidence[~result.found] == 0).all()
    named = [(f.image, f.face) for f in result.failures]
    assert named == [
        *[(0, face) for face in (0, 2, 3, 4)],
        *[(image, None) for image in (1, 2, 4, 5)],
    ]
    reasons = [f.reason for f in result.failures]
    for reason, part in zip(
        reasons,
        ('empty', *BAD_BOXES, '0 bytes', 'float64', 'exist', 'type int'),
        strict=True,
    ):
        assert part in reason
    assert [p.size for p in result.images][:2] == [(140, 100), (0, 0)]


@pytest.mark.parametrize(
    ('images', 'boxes', 'message'),
    [
        ([], [], 'no images'),
        ([IMAGE], [GOOD, GOOD], '1 images, but boxes for 2'),
        ([IMAGE], [[1, 2, 3]], 'boxes of image 0'),
        (IMAGE, [1, 2, 3], r'\(N, 4\) numbers'),
        (IMAGE, None, 'no boxes'),
        (IMAGE / 255, [GOOD], 'astype'),
    ],
)
def test_invalid_images_and_boxes(images: object, boxes: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predictor()(images, boxes)


@pytest.mark.parametrize('nothing', [None, 3])
def test_neither_an_image_nor_a_list(nothing: object) -> None:
    with pytest.raises(TypeError, match='give one .* or a list of them'):
        predictor()(nothing)


@pytest.mark.parametrize(
    'crops', [np.zeros((1, 40, 40)), np.zeros((1, 40, 41), np.uint8)]
)
def test_invalid_crops(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'uint8 \(N, 40, 40\)'):
        predictor().predict_crops(crops)


def test_invalid_batch_size() -> None:
    with pytest.raises(ValueError, match='batch_size=0'):
        predictor(batch_size=0)


def test_predict_equals_a_call() -> None:
    model = predictor()
    image = np.full((60, 60), 9, np.uint8)
    called, predicted = (f(image, [[5, 5, 45, 45]]) for f in (model, model.predict))
    np.testing.assert_array_equal(called.keypoints, predicted.keypoints)


def test_predict_still_takes_crops_with_a_warning() -> None:
    model = predictor()
    crops = np.full((2, 40, 40), 9, np.uint8)
    with pytest.warns(DeprecationWarning, match='predict_crops'):
        old = model.predict(crops)
    for ours, expected in zip(old, model.predict_crops(crops), strict=True):
        np.testing.assert_array_equal(ours, expected)


# --------------------------------------------------- errors of any kind in a list


class Odd(Exception):
    """An error that no reader expects."""


class Failing(Brightest):
    """Fails for a batch that holds a crop whose first pixel is 7."""

    error: BaseException = RuntimeError('no memory')

    def _run(self, crops: np.ndarray) -> tuple:
        found = super()._run(crops)
        if (crops[:, 0, 0] == 7).any():
            raise self.error
        return found


def marked(value: int) -> np.ndarray:
    """Return an image of one grey value with a bright spot."""
    image = np.full((60, 60), value, np.uint8)
    image[30, 35] = 255
    return image


ERRORS = [
    RuntimeError('x\n  y'),
    Odd('x y'),
    cv2.error('x y'),
    MemoryError('x y'),
    AssertionError('x y'),
    KeyError('x y'),
    RecursionError('x y'),
    ValueError('x y'),
    OSError('x y'),
]


def type_name(error: BaseException) -> str:
    kind = type(error)
    module = '' if kind.__module__ == 'builtins' else f'{kind.__module__}.'
    return f'{module}{kind.__name__}'


@pytest.mark.parametrize('error', ERRORS, ids=lambda error: type(error).__name__)
def test_any_error_of_a_detector_is_a_failure_of_its_image(error: Exception) -> None:
    def detector(image: np.ndarray) -> list:
        if image[0, 0] == 7:
            raise error
        return [[10, 10, 50, 50]]

    model = predictor(detector=detector)
    images = [marked(value) for value in (1, 7, 3)]
    result = model(images)
    assert result.found.tolist() == [True, True]
    assert result.image_index.tolist() == [0, 2]
    (failure,) = result.failures
    assert (failure.image, failure.face) == (1, None)
    assert failure.reason.startswith(f'the detector failed: {type_name(error)}: ')
    assert 'x y' in failure.reason
    with pytest.raises(type(error)):  # a single image
        model(images[1])


@pytest.mark.parametrize('batch_size', [1, 2, 3, 100])
@pytest.mark.parametrize('error', ERRORS, ids=lambda error: type(error).__name__)
def test_any_error_of_the_network_is_a_failure_of_its_face(
    error: Exception, batch_size: int
) -> None:
    info = ModelInfo((40, 40), ('spot',))
    model = Failing(info, batch_size)
    model.error, model.sizes = error, []
    box = [10, 10, 50, 50]
    images = [marked(value) for value in (1, 2, 7, 3, 7, 4)]
    boxes = [[box] * count for count in (1, 2, 2, 0, 1, 2)]
    result = model(images, boxes)
    # Faces: 0 | 1 2 | 3 4 (fail) | - | 5 (fails) | 6 7
    assert result.found.tolist() == [1, 1, 1, 0, 0, 0, 1, 1]
    np.testing.assert_array_equal(result.keypoints[result.found], [[[35, 30]]] * 5)
    assert [failure[:2] for failure in result.failures] == [(2, 0), (2, 1), (4, 0)]
    for failure in result.failures:
        assert failure.reason.startswith(f'the network failed: {type_name(error)}: ')
    with pytest.raises(type(error)):
        model(images[2], [box])


def test_good_batches_are_not_split() -> None:
    """Their results stay those of a call without the image that fails."""
    model = Failing(ModelInfo((40, 40), ('spot',)), 2)
    model.sizes = []
    model([marked(value) for value in (1, 2, 7, 3, 4)], [[[10, 10, 50, 50]]] * 5)
    assert model.sizes == [2, 2, *(2, 2, 1, 1, 1)]


@pytest.mark.parametrize('error', [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_no_failure(error: type) -> None:
    model = Failing(ModelInfo((40, 40), ('spot',)), 2)
    model.error = error()
    with pytest.raises(error):
        model([marked(7)], [[[10, 10, 50, 50]]])


def test_any_error_of_reading_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    class Broken(Image.Image):
        def getexif(self) -> None:
            raise Odd('x')

        mode = 'RGB'

    result = predictor()([Broken(), IMAGE], [[GOOD], [GOOD]])
    assert result.found.tolist() == [False, True]
    assert 'Odd: x' in result.failures[0].reason


def test_keypoints_that_are_not_finite_are_a_failure() -> None:
    class Lost(Brightest):
        def _run(self, crops: np.ndarray) -> tuple:
            points, *others = super()._run(crops)
            return np.where(crops[:, :1, :1] == 7, np.nan, points), *others

    model = Lost(ModelInfo((40, 40), ('spot',)))
    model.sizes = []
    result = model([marked(1), marked(7)], [[[10, 10, 50, 50]]] * 2)
    assert result.found.tolist() == [True, False]
    ((image, face, reason),) = result.failures
    assert (image, face) == (1, 0) and 'not finite' in reason


# ------------------------------------------------------------------------- times


@pytest.mark.parametrize('slow', ['decode', 'detect', 'crop', 'network'])
def test_each_part_has_its_time(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from time import sleep

    from rcn_mmpose.inference import predictor as module

    def waiting(part: str, function: Callable) -> Callable:
        def call(*arguments: object) -> object:
            sleep(0.2 * (part == slow))
            return function(*arguments)

        return call

    for part, name in (('decode', 'read_image'), ('crop', 'crop_square')):
        monkeypatch.setattr(module, name, waiting(part, getattr(module, name)))
    model = predictor(detector=waiting('detect', lambda image: [GOOD]))
    monkeypatch.setattr(model, '_run', waiting('network', model._run))
    timing = model([IMAGE, IMAGE]).timing
    assert list(timing) == ['decode', 'detect', 'crop', 'network', 'other', 'total']
    parts = [timing[part] for part in list(timing)[:-1]]
    assert sum(parts) == pytest.approx(timing['total'])
    assert min(parts) >= 0
    assert timing[slow] >= 0.2 > timing['total'] - timing[slow]


def test_crops_of_a_file_are_those_of_its_image(tmp_path: Path) -> None:
    model = predictor()
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), image)
    boxes = [[5, 5, 45, 45], [20, 10, 60, 50]]
    np.testing.assert_array_equal(
        model.crop(str(path), boxes), model.crop(image, boxes)
    )
    with pytest.raises(FileNotFoundError, match='none.png'):
        model.crop('none.png', boxes)
