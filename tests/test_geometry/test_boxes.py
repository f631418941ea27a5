from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.geometry.boxes import (
    BOX_RULES,
    box_from_box,
    box_from_detection,
    box_from_extent,
    box_from_eyes_and_mouth,
    box_from_given,
    box_from_keypoints,
    training_rule,
)

# Eyes 40 px apart, the mouth 30 px below them and 20 px wide.
FACE = np.array([(80, 100), (120, 100), (0, 0), (90, 130), (110, 130)])


def test_eyes_and_mouth() -> None:
    # extent x 80..120, y 100..130: side 40 + 2 * 0.95 * 40 = 116 around
    # (100, 115); the nose tip at (0, 0) does not count
    box = box_from_eyes_and_mouth(FACE, (400, 300))
    np.testing.assert_allclose(box, (42, 57, 158, 173))


def test_eyes_and_mouth_of_a_long_face() -> None:
    face = FACE + ([(0, 0)] * 3 + [(0, 30)] * 2)
    # the midpoints are 60 px apart, more than the eyes: 60 + 1 * 60 * 2
    box = box_from_eyes_and_mouth(face, (400, 300), margin=1)
    np.testing.assert_allclose(box, (10, 40, 190, 220))


def test_tilted_eyes_are_measured_along_their_line() -> None:
    face = np.array([(100, 100), (130, 140), (0, 0), (100, 140), (130, 140)])
    # eye distance 50; midpoints (115, 120), (115, 140): 20 apart
    box = box_from_eyes_and_mouth(face, (400, 400), margin=1)
    np.testing.assert_allclose(box, (45, 50, 185, 190))


@pytest.mark.parametrize(
    ('move', 'expected'),
    [
        ((-60, 0), (0, 57, 116, 173)),
        ((0, -80), (42, 0, 158, 116)),
        ((260, 0), (284, 57, 400, 173)),
        ((0, 160), (42, 184, 158, 300)),
        ((-60, 160), (0, 184, 116, 300)),
    ],
)
def test_a_box_that_leaves_the_image_is_shifted(move: tuple, expected: tuple) -> None:
    box = box_from_eyes_and_mouth(FACE + move, (400, 300))
    np.testing.assert_allclose(box, expected)


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        ((400, 110), (45, 0, 155, 110)),
        ((110, 400), (0, 60, 110, 170)),
        ((100, 90), (10, 0, 100, 90)),
        ((116, 116), (0, 0, 116, 116)),
    ],
)
def test_a_box_larger_than_the_image_is_shrunk(size: tuple, expected: tuple) -> None:
    # side 116: it becomes the shorter side of the image, stays a square
    # and as near to its centre (100, 115) as it can
    box = box_from_eyes_and_mouth(FACE, size)
    np.testing.assert_allclose(box, expected)


def test_square_and_inside_for_any_face() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        size = tuple(int(s) for s in rng.integers(20, 300, 2))
        face = rng.uniform(-0.2, 1.2, (5, 2)) * size
        x1, y1, x2, y2 = box_from_eyes_and_mouth(face, size)
        assert x2 - x1 == pytest.approx(y2 - y1)
        assert x2 - x1 > 0
        assert min(x1, y1) >= 0
        assert x2 <= size[0] + 1e-9
        assert y2 <= size[1] + 1e-9


@pytest.mark.parametrize('shape', [(68, 2), (4, 2), (5, 3), (1, 5, 2)])
def test_eyes_and_mouth_takes_five(shape: tuple) -> None:
    with pytest.raises(ValueError, match='box_from_extent'):
        box_from_eyes_and_mouth(np.ones(shape), (100, 100))


def test_extent() -> None:
    # 20 wide, 10 high: the tight square has side 20 around (20, 15)
    points = np.array([(10, 10), (30, 20), (12, 15)])
    np.testing.assert_allclose(box_from_extent(points, scale=1), (10, 5, 30, 25))
    np.testing.assert_allclose(box_from_extent(points), (7, 2, 33, 28))


@pytest.mark.filterwarnings('ignore:overflow')
@pytest.mark.filterwarnings('ignore:invalid value')  # inf - inf
@pytest.mark.parametrize('huge', [1e308, 1.6e308, -1.6e308])
def test_huge_keypoints_and_boxes(huge: float) -> None:
    """A sum of two coordinates, or a side, is not finite."""
    points = np.array([(huge, 0), (huge * 0.9, 10), (huge, 5), (huge, 20), (huge, 9)])
    with pytest.raises(ValueError, match='span no box'):
        box_from_extent(points, scale=50)
    with pytest.raises(ValueError, match='span no box'):
        box_from_eyes_and_mouth(points, (100, 100), margin=1e308)
    with pytest.raises(ValueError, match='empty or not finite'):
        box_from_detection(np.array([-abs(huge), 0, abs(huge), 10]))
    both = np.array([(-huge, 0), (huge, 10), (0, 5), (-huge, 20), (huge, 9)])
    with pytest.raises(ValueError, match='span no box'):
        box_from_extent(both)
    with pytest.raises(ValueError, match='span no box'):
        box_from_eyes_and_mouth(both, (100, 100))


def test_a_box_lost_in_rounding_is_refused() -> None:
    # at 1e17 pixels the next float64 is 16 away
    with pytest.raises(ValueError, match='span no box'):
        box_from_extent(np.array([(0, 1e17), (1, 1e17)]))
    with pytest.raises(ValueError, match='empty or not finite'):
        box_from_detection(np.array([1e17, 0, 1e17 + 16, 1]), scale=0.1)


def test_given() -> None:
    box = np.array([1, 2, 3, 4], np.float32)
    assert box_from_given(box) is box
    for wrong in ((1, 2, 1, 4), (1, 2, 3, np.inf), (np.nan, 2, 3, 4)):
        with pytest.raises(ValueError, match='empty or not finite'):
            box_from_given(np.array(wrong))


def test_rules_by_name() -> None:
    size = (400, 300)
    by_box = dict(given=box_from_given, detection=box_from_detection)
    by_keypoints = dict(
        extent=box_from_extent,
        eyes_and_mouth=lambda face: box_from_eyes_and_mouth(face, size),
    )
    assert set(BOX_RULES) == {*by_box, *by_keypoints}
    box = np.array([10.0, 20, 50, 70])
    for rule, function in by_box.items():
        assert BOX_RULES[rule].source == 'box'
        np.testing.assert_array_equal(box_from_box(rule, box), function(box))
    for rule, function in by_keypoints.items():
        assert BOX_RULES[rule].source == 'keypoints'
        found = box_from_keypoints(rule, FACE, size)
        np.testing.assert_array_equal(found, function(FACE))
    wide = box_from_keypoints('extent', FACE, size, scale=2)
    np.testing.assert_array_equal(wide, box_from_extent(FACE, 2))
    large = box_from_box('detection', box, scale=2, shift=0.1)
    np.testing.assert_array_equal(large, box_from_detection(box, 2, 0.1))
    assert training_rule(5) == 'eyes_and_mouth'
    assert training_rule(68) == training_rule(3) == 'extent'


def test_extent_may_leave_the_image() -> None:
    box = box_from_extent(np.array([(0, 0), (10, 10)]), scale=2)
    np.testing.assert_allclose(box, (-5, -5, 15, 15))


@pytest.mark.parametrize('shape', [(0, 2), (5, 3), (1, 5, 2)])
def test_extent_takes_positions(shape: tuple) -> None:
    with pytest.raises(ValueError, match=r'\(K, 2\)'):
        box_from_extent(np.ones(shape))


def test_detection() -> None:
    # longer side 50: side 50 * 2 = 100, centre (30, 45 + 0.1 * 50)
    box = box_from_detection(np.array([10, 20, 50, 70]), scale=2, shift=0.1)
    np.testing.assert_allclose(box, (-20, 0, 80, 100))


def test_detection_defaults() -> None:
    # a square of 100 becomes one of 110, 7 px lower
    box = box_from_detection(np.array([0, 0, 100, 100]))
    np.testing.assert_allclose(box, (-5, 2, 105, 112))


@pytest.mark.parametrize(
    'box',
    [
        (10, 10, 10, 20),
        (10, 20, 30, 20),
        (30, 10, 20, 40),
        (10, 10, np.nan, 20),
        (10, 10, np.inf, 20),
    ],
)
def test_detection_without_area(box: tuple) -> None:
    with pytest.raises(ValueError, match='is empty'):
        box_from_detection(np.array(box))


@pytest.mark.filterwarnings('ignore:invalid value')  # inf - inf
@pytest.mark.parametrize('value', [7.0, np.nan, np.inf])
def test_keypoints_that_span_nothing(value: float) -> None:
    points = np.full((5, 2), value)
    with pytest.raises(ValueError, match='span no box'):
        box_from_extent(points)
    with pytest.raises(ValueError, match='span no box'):
        box_from_eyes_and_mouth(points, (100, 100))
    points = FACE.astype(float)
    points[1, 0] = value if value != 7.0 else np.nan
    with pytest.raises(ValueError, match='span no box'):
        box_from_extent(points)


def test_faces_smaller_than_a_pixel() -> None:
    points = np.array([(0, 0), (0.5, 0.25)])
    np.testing.assert_allclose(
        box_from_extent(points, scale=1), (0, -0.125, 0.5, 0.375)
    )
    # side 0.4 + 2 * 0.95 * 0.4 = 1.16, 100 times smaller than above
    box = box_from_eyes_and_mouth(FACE / 100, (4, 3))
    np.testing.assert_allclose(box, (0.42, 0.57, 1.58, 1.73))


def test_boxes_are_in_double_precision() -> None:
    """float32 keypoints lose no further precision."""
    face = (FACE / 7).astype(np.float32)
    for rule, numbers in (
        (lambda x: box_from_eyes_and_mouth(x, (400, 300)), face),
        (box_from_extent, face),
        (box_from_detection, np.array([1, 2, 3.3, 4.1], np.float32)),
    ):
        box = rule(numbers)
        assert box.dtype == np.float64
        assert box.tolist() == rule(numbers.astype(np.float64)).tolist()


def test_a_rule_by_name_passes_its_options_on() -> None:
    for rule, plain, options in (
        (
            'eyes_and_mouth',
            box_from_eyes_and_mouth(FACE, (400, 300), margin=0.5),
            'margin',
        ),
        ('extent', box_from_extent(FACE, scale=0.5), 'scale'),
    ):
        found = box_from_keypoints(rule, FACE, (400, 300), **{options: 0.5})
        np.testing.assert_array_equal(found, plain)
