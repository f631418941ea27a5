"""Models of other packages, tested with small stand-ins of the packages."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rcn_mmpose.lab.benchmark.measured_process import SkipError
from rcn_mmpose.lab.benchmark.other_packages import (
    MTCNN,
    Dlib,
    MediaPipe,
    around,
    nearest,
)

BOX = np.array([20.0, 30.0, 60.0, 70.0])
# First pixel of the crop, which is a quarter of 40 pixels wider on each side.
CORNER = np.array([10.0, 20.0])


@pytest.fixture
def image() -> np.ndarray:
    """A blue image, so that the order of the channels is tested."""
    image = np.zeros((100, 120, 3), np.uint8)
    image[..., 0] = 200
    return image


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> object:
    """Replace a package by a module with the given contents."""

    def put(name: str, **contents: object) -> None:
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)

    return put


def check_rgb(image: np.ndarray) -> None:
    assert image.flags.c_contiguous
    assert image[0, 0].tolist() == [0, 0, 200]


class Rectangle(tuple):
    """dlib's rectangle: left, top, right, bottom."""

    def __new__(cls, *sides: int) -> Rectangle:
        assert all(type(side) is int for side in sides)
        return super().__new__(cls, sides)

    def left(self) -> int:
        return self[0]

    def top(self) -> int:
        return self[1]

    def right(self) -> int:
        return self[2]

    def bottom(self) -> int:
        return self[3]


@pytest.fixture
def dlib(install: object) -> list[Rectangle]:
    """The faces that the detector finds; keypoint i is (left + i, top)."""
    found: list[Rectangle] = []

    def predictor(path: str) -> object:
        assert path == 'models/68.dat'

        def points(image: np.ndarray, face: Rectangle) -> object:
            check_rgb(image)
            return SimpleNamespace(
                part=lambda i: SimpleNamespace(x=face[0] + i, y=face[1])
            )

        return points

    def detector() -> object:
        def detect(image: np.ndarray, upsampling: int) -> list:
            check_rgb(image)
            assert image.shape == (60, 60, 3)
            return found

        return detect

    install(
        'dlib',
        shape_predictor=predictor,
        get_frontal_face_detector=detector,
        rectangle=Rectangle,
    )
    install(
        'face_recognition_models',
        pose_predictor_model_location=lambda: 'models/68.dat',
    )
    return found


def test_dlib_with_the_given_box(dlib: list, image: np.ndarray) -> None:
    points = Dlib(detect=False)(image, BOX + 0.4)
    assert points.shape == (68, 2)
    np.testing.assert_array_equal(points[3], (23, 30))


def test_dlib_with_its_own_detector(dlib: list, image: np.ndarray) -> None:
    model = Dlib(detect=True)
    assert model(image, BOX) is None
    # In the crop, the given box is (10, 10, 50, 50).
    dlib += [Rectangle(0, 0, 9, 9), Rectangle(12, 8, 48, 50)]
    points = model(image, BOX)
    np.testing.assert_array_equal(points[0], (12 + 10, 8 + 20))


def test_mediapipe(install: object, image: np.ndarray) -> None:
    """Keypoints are shares of the crop, from the corner of a pixel."""
    faces: list = []
    asked: dict = {}

    class FaceMesh:
        def __init__(self, **options: object) -> None:
            asked.update(options)

        def process(self, image: np.ndarray) -> object:
            check_rgb(image)
            assert image.shape == (60, 60, 3)
            return SimpleNamespace(multi_face_landmarks=faces or None)

    install(
        'mediapipe',
        solutions=SimpleNamespace(face_mesh=SimpleNamespace(FaceMesh=FaceMesh)),
    )
    model = MediaPipe()
    assert asked['static_image_mode'] and asked['refine_landmarks']
    assert model(image, BOX) is None
    mesh = [SimpleNamespace(x=i / 1000, y=0.5) for i in range(478)]
    faces.append(SimpleNamespace(landmark=mesh))
    points = model(image, BOX)
    x = np.array([468, 473, 4, 61, 291]) / 1000 * 60 - 0.5 + 10
    np.testing.assert_allclose(points[:, 0], x)
    np.testing.assert_allclose(points[:, 1], 0.5 * 60 - 0.5 + 20)


def test_mediapipe_without_models(install: object) -> None:
    install('mediapipe')
    with pytest.raises(SkipError, match='no mp.solutions.*0.10.21'):
        MediaPipe()


def test_mtcnn(install: object, image: np.ndarray) -> None:
    answers: list = [(None, None, None)]

    class Network:
        def __init__(self, keep_all: bool, device: str) -> None:
            assert keep_all and device == 'cpu'

        def detect(self, image: np.ndarray, landmarks: bool) -> tuple:
            check_rgb(image)
            return answers.pop()

    install('facenet_pytorch', MTCNN=Network)
    model = MTCNN()
    assert model(image, BOX) is None
    boxes = np.array([(0, 0, 8, 8), (11, 9, 52, 48)], np.float32)
    points = np.arange(20, dtype=np.float32).reshape(2, 5, 2)
    answers.append((boxes, np.ones(2), points))
    np.testing.assert_array_equal(model(image, BOX), points[1].astype(float) + CORNER)


@pytest.mark.parametrize(
    ('model', 'package'),
    [
        (lambda: Dlib(detect=False), 'dlib'),
        (MediaPipe, 'mediapipe'),
        (MTCNN, 'facenet_pytorch'),
    ],
)
def test_not_installed(
    model: object, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    name = package.replace('_', '-')
    with pytest.raises(SkipError, match=f'{name} cannot be imported'):
        model()


def test_crop_around_a_box(image: np.ndarray) -> None:
    part, corner = around(image, BOX)
    assert part.shape == (60, 60, 3)
    np.testing.assert_array_equal(corner, CORNER)
    # The crop is clipped to the image.
    part, corner = around(image, np.array([-8.0, 60, 72, 140]))
    assert part.shape == (60, 92, 3)
    np.testing.assert_array_equal(corner, (0, 40))


def test_nearest() -> None:
    boxes = [BOX + 30, BOX - 3, BOX + 4]
    assert nearest(boxes, BOX) is boxes[1]
