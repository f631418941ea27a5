"""Labels that contradict their image, and legal ones that must pass."""

from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.io.label_check import check_labels, check_size
from rcn_mmpose.io.labels import Labels, corners_of

# Left eye, right eye, nose tip, mouth corners of an upright face, 100 wide.
FACE = np.array([(30, 40), (70, 40), (50, 60), (35, 80), (65, 80)], float)
CENTRES = [(150, 120), (300, 200), (450, 260), (200, 300), (580, 380), (420, 130)]
SIZE = (640, 480)


def labels(
    change: object = None,
    boxes: object = None,
    size: tuple = SIZE,
    faces: int = len(CENTRES),
) -> Labels:
    """Return faces 60 pixels wide, with changed keypoints and boxes (x, y, w, h)."""
    points = np.array([0.6 * (FACE - 50) + centre for centre in CENTRES])[:faces]
    given = np.array([(x - 50, y - 50, 100, 100) for x, y in CENTRES], float)[:faces]
    return Labels(
        [f'{i}.jpg' for i in range(faces)],
        np.tile(np.array(size, float), (faces, 1)),
        change(points) if change else points,
        np.ones(points.shape[:2], bool),
        boxes(given) if boxes else given,
    )


def refused(*args: object, **options: object) -> str:
    with pytest.raises(ValueError) as caught:
        check_labels(labels(*args, **options))
    return str(caught.value)


def test_keypoints_in_another_unit() -> None:
    said = refused(lambda p: p / SIZE)
    assert said.startswith('6 of 6 faces contradict their image. Face in ')
    assert "'0.jpg' of 640x480 pixels" in said
    # The left eye is at (138, 114) of 640x480.
    assert '(0.2156, 0.2375)' in said and 'fractions of the image' in said
    assert 'fractions' in refused(lambda p: p / SIZE, faces=1)
    assert 'percent' in refused(lambda p: 100 * p / SIZE)
    both = refused(lambda p: 100 * p / SIZE, lambda b: 100 * b / (SIZE * 2))
    assert 'They look like percent' in both


def test_boxes_in_another_unit() -> None:
    assert 'fractions of the image' in refused(boxes=lambda b: b / (SIZE * 2))


@pytest.mark.parametrize(
    ('order', 'reason'),
    [
        (corners_of, 'x1, y1, x2, y2'),
        (lambda b: corners_of(b)[:, [2, 3, 0, 1]], 'x2, y2, x1, y1'),
        (lambda b: corners_of(b)[:, [0, 2, 1, 3]], 'x1, x2, y1, y2'),
        (lambda b: b[:, [1, 0, 3, 2]], 'y, x, height, width'),
        (lambda b: np.hstack((b[:, :2] + 50, b[:, 2:])), 'of the centre'),
        (lambda b: np.hstack((b[:, :2] + 100, -b[:, 2:])), 'corners swapped'),
    ],
)
def test_boxes_in_another_order(order: object, reason: str) -> None:
    said = refused(boxes=order)
    assert reason in said and 'COCO has x, y, width, height' in said


def test_boxes_and_keypoints_of_different_scale() -> None:
    for factor in (0.5, 2):
        assert 'does not hold the keypoints' in refused(boxes=lambda b, f=factor: f * b)


def test_x_and_y_swapped() -> None:
    assert 'x and y of the keypoints swapped' in refused(lambda p: p[..., ::-1])
    # The box is swapped too; (380, 580) is outside an image 480 high.
    said = refused(lambda p: p[..., ::-1], lambda b: b[:, [1, 0, 3, 2]])
    assert "'4.jpg'" in said and 'width and height swapped' in said


def test_the_68_keypoints_of_300w_mirrored() -> None:
    points = np.zeros((6, 68, 2))
    points[:, 36:42], points[:, 42:48] = (200, 300), (200, 340)  # x and y swapped
    points[:, 48:], points[:, :36] = (240, 320), (220, 320)
    none = np.full((6, 4), np.nan)
    given = labels()._replace(points=points, labelled=points[..., 0] > 0, boxes=none)
    with pytest.raises(ValueError, match='order of 300W, but mirrored'):
        check_labels(given)
    check_labels(given._replace(points=points[..., ::-1]))


def test_an_image_of_another_size() -> None:
    said = refused(lambda p: 2 * p, lambda b: 2 * b)
    assert 'on an image of another size' in said
    check_size('a.jpg', (640, 480), (640, 480))
    check_size('a.jpg', (0, 0), (640, 480))  # unknown
    with pytest.raises(ValueError, match='640x480 .*says 1280x960.*was resized'):
        check_size('a.jpg', (1280, 960), (640, 480), (640, 480))
    with pytest.raises(ValueError, match='EXIF tag. Rotate the labels'):
        check_size('a.jpg', (480, 640), (640, 480), (480, 640))
    with pytest.raises(ValueError, match='was resized'):  # no tag in the file
        check_size('a.jpg', (480, 640), (640, 480), (640, 480))


def boxes_around(more: float, shift: float = 0.0) -> object:
    """Return a function that makes boxes of another size at another place."""
    return lambda b: np.hstack(
        (b[:, :2] + 50 - 50 * more + 100 * more * shift, b[:, 2:] * more)
    )


def test_legal_labels() -> None:
    for faces in (1, 3, 6):
        check_labels(labels(faces=faces))
        for more in (0.5, 0.8, 1.5, 3):  # tight, and much larger than the face
            check_labels(labels(boxes=boxes_around(more), faces=faces))
        check_labels(labels(boxes=boxes_around(1, 0.15), faces=faces))
        check_labels(labels(boxes=boxes_around(1, -0.15), faces=faces))
        # The whole image, and persons with a face at the top.
        check_labels(labels(boxes=lambda b: b * 0 + (0, 0, 640, 480), faces=faces))
        check_labels(labels(boxes=lambda b: b * (1, 1, 1, 3), faces=faces))
        # A face that leaves the image by half, in both directions.
        check_labels(
            labels(lambda p: p + (100, 80), lambda b: b + (100, 80, 0, 0), faces=faces)
        )
        check_labels(labels(size=(0, 0), faces=faces))  # unknown
        check_labels(labels(boxes=lambda b: b * np.nan, faces=faces))
    check_labels(labels(faces=0))


def test_unlabelled_keypoints_may_be_anywhere() -> None:
    given = labels()
    given.points[:, 2:] = np.nan
    given.labelled[:, 2:] = False
    check_labels(given)
    given.points[:, 2:] = -1000
    check_labels(given)
    given.points[0, 1] = 0
    given.labelled[0, 1] = False  # one labelled keypoint
    check_labels(given)


def test_tiny_images() -> None:
    for side in (1, 3, 8):
        points = 0.005 * side * FACE[None]
        box = np.array([[0, 0, side, side]], float)
        size = np.array([[side, side]], float)
        check_labels(Labels(['a'], size, points, points[..., 0] > 0, box))
