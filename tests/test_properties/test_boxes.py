"""Properties of all box rules, for any face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcn_mmpose.geometry.boxes import (
    box_from_detection,
    box_from_extent,
    box_from_eyes_and_mouth,
    box_from_given,
)

PLACES = st.floats(-2000, 2000, width=32)
FIVE = arrays(np.float64, (5, 2), elements=PLACES)
POINTS = st.integers(1, 8).flatmap(
    lambda count: arrays(np.float64, (count, 2), elements=PLACES)
)
SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))


@given(POINTS, st.floats(1, 3))
def test_extent_is_a_square_around_all(points: np.ndarray, scale: float) -> None:
    assume(np.ptp(points, 0).max() > 1e-3)
    x1, y1, x2, y2 = box_from_extent(points, scale)
    width, height = points.max(0) - points.min(0)
    assert x2 - x1 == pytest.approx(scale * max(width, height))
    assert y2 - y1 == pytest.approx(x2 - x1)
    middle = (points.max(0) + points.min(0)) / 2
    np.testing.assert_allclose(((x1 + x2) / 2, (y1 + y2) / 2), middle)
    slack = 1e-9 * (1 + np.abs(points).max())
    assert (points >= np.array([x1, y1]) - slack).all()
    assert (points <= np.array([x2, y2]) + slack).all()


@given(POINTS, st.sampled_from([0.25, 0.5, 2.0, 8.0]), PLACES)
def test_extent_follows_its_face(
    points: np.ndarray, factor: float, shift: float
) -> None:
    assume(np.ptp(points, 0).max() > 1e-3)
    moved = box_from_extent(points * factor + shift)
    expected = box_from_extent(points) * factor + shift
    np.testing.assert_allclose(moved, expected, atol=1e-6, rtol=1e-9)
    # the order of keypoints does not matter to this rule
    np.testing.assert_array_equal(
        box_from_extent(points[::-1]), box_from_extent(points)
    )


@given(FIVE, SIZES, st.floats(0, 2))
def test_eyes_and_mouth_by_brute_force(
    face: np.ndarray, size: tuple, margin: float
) -> None:
    outer = [face[i].tolist() for i in (0, 1, 3, 4)]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = outer
    eyes = np.hypot(ax - bx, ay - by)
    down = np.hypot((ax + bx - cx - dx) / 2, (ay + by - cy - dy) / 2)
    xs, ys = (sorted(p[i] for p in outer) for i in (0, 1))
    side = max(xs[-1] - xs[0], ys[-1] - ys[0]) + 2 * margin * max(eyes, down)
    assume(side > 1e-6)
    side = min(side, *size)
    x1, y1, x2, y2 = box = box_from_eyes_and_mouth(face, size, margin)
    assert x2 - x1 == pytest.approx(side) and y2 - y1 == pytest.approx(side)
    assert (box >= 0).all()
    assert x2 <= size[0] * (1 + 1e-12) and y2 <= size[1] * (1 + 1e-12)
    for start, values, length in ((x1, xs, size[0]), (y1, ys, size[1])):
        free = (values[0] + values[-1] - side) / 2  # without the image
        best = max(0.0, min(free, length - side))
        assert start == pytest.approx(best, abs=1e-6)


@given(FIVE, SIZES, arrays(np.float64, 2, elements=PLACES))
def test_the_nose_does_not_count(
    face: np.ndarray, size: tuple, nose: np.ndarray
) -> None:
    assume(np.ptp(face[[0, 1, 3, 4]], 0).max() > 1e-3)
    other = face.copy()
    other[2] = nose
    np.testing.assert_array_equal(
        box_from_eyes_and_mouth(face, size),
        box_from_eyes_and_mouth(other, size),
    )


@given(
    arrays(np.float64, 2, elements=PLACES),
    st.tuples(st.floats(0.01, 500), st.floats(0.01, 500)),
    st.floats(0.1, 3),
    st.floats(-1, 1),
)
def test_detection(corner: np.ndarray, size: tuple, scale: float, shift: float) -> None:
    box = np.concatenate((corner, corner + size))
    longer = (box[2:] - box[:2]).max()
    found = box_from_detection(box, scale, shift)
    x1, y1, x2, y2 = found
    assert x2 - x1 == pytest.approx(scale * longer, abs=1e-9)
    assert y2 - y1 == pytest.approx(scale * longer, abs=1e-9)
    assert (x1 + x2) / 2 == pytest.approx((box[0] + box[2]) / 2, abs=1e-9)
    lower = (box[1] + box[3]) / 2 + shift * longer
    assert (y1 + y2) / 2 == pytest.approx(lower, abs=1e-9)


@pytest.mark.filterwarnings('ignore:invalid value')  # inf - inf
@pytest.mark.filterwarnings('ignore:overflow')
@given(
    arrays(np.float64, (5, 2), elements=st.floats()),
    st.sampled_from(['coincide', 'as drawn', np.nan, np.inf, -np.inf, 1.6e308]),
    st.integers(0, 9),
)
def test_a_box_or_an_error(face: np.ndarray, value: float | str, place: int) -> None:
    """Any floats give a finite square, or one clear error."""
    if value == 'coincide':
        face[:] = face[0]
    elif value != 'as drawn':
        face[place // 2, place % 2] = value
    for rule in (
        box_from_extent,
        lambda face: box_from_eyes_and_mouth(face, (640, 480)),
        lambda face: box_from_detection(face[:2].ravel()),
    ):
        try:
            x1, y1, x2, y2 = box = rule(face)
        except ValueError as error:
            assert 'span no box' in str(error) or 'is empty' in str(error)
            continue
        assert np.isfinite(box).all(), (face, box)
        assert x1 < x2 and y1 < y2
        slack = 1e-12 * np.abs(box).max()  # of float64 far from 0
        assert x2 - x1 == pytest.approx(y2 - y1, abs=slack)
    box = face[:2].ravel()
    try:
        assert box_from_given(box) is box
    except ValueError as error:
        assert 'is empty' in str(error)
    else:
        assert np.isfinite(box).all() and (box[2:] > box[:2]).all()
