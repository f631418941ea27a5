"""The square of a face in the next frame."""

from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.geometry.boxes import box_from_eyes_and_mouth
from rcn_mmpose.geometry.keypoints import FIVE_NAMES
from rcn_mmpose.image.crop import rotation_matrices
from rcn_mmpose.tracking.squares_of_faces import FaceSquare, NextSquare

RULE = dict(rule='eyes_and_mouth')
FACE = np.array([(-20, 0), (20, 0), (0, 20), (-15, 40), (15, 40)], float)
SIZE = (1000, 800)


def square_of(
    points: np.ndarray, zone: float = 0, last: FaceSquare | None = None
) -> FaceSquare:
    found = NextSquare(FIVE_NAMES, RULE, zone, True)(points, SIZE, last)
    assert found is not None
    return found


def test_an_upright_face_has_its_training_box() -> None:
    found = square_of(FACE + (400, 300))
    np.testing.assert_allclose(
        found.box, box_from_eyes_and_mouth(FACE + (400, 300), SIZE)
    )
    assert found.roll == 0


@pytest.mark.parametrize('roll', [30, -75, 120, 179])
def test_the_square_turns_with_the_face(roll: float) -> None:
    (turn,) = rotation_matrices(np.array([roll]))
    middle = np.array((400, 300))
    upright, found = square_of(FACE + middle), square_of(FACE @ turn.T + middle)
    assert found.roll == pytest.approx(roll)
    assert found.side == pytest.approx(upright.side)
    expected = turn @ (upright.centre - middle) + middle
    np.testing.assert_allclose(found.centre, expected)


def test_crops_that_do_not_turn() -> None:
    (turn,) = rotation_matrices(np.array([30.0]))
    points = FACE @ turn.T + (400, 300)
    found = NextSquare(FIVE_NAMES, RULE, 0, False)(points, SIZE)
    assert found is not None and found.roll == 0
    np.testing.assert_allclose(found.box, box_from_eyes_and_mouth(points, SIZE))


def test_the_dead_zone() -> None:
    first = square_of(FACE + (400, 300))
    zone = 0.02 * first.side
    near = square_of(FACE + (400 + 0.9 * zone, 300), 0.02, last=first)
    np.testing.assert_array_equal(near.centre, first.centre)
    assert (near.side, near.roll) == (first.side, first.roll)
    # Beyond the zone, the square follows at its edge.
    far = square_of(FACE + (400 + 3 * zone, 300), 0.02, last=first)
    np.testing.assert_allclose(far.centre, first.centre + (2 * zone, 0))
    larger = square_of(FACE * 1.1 + (400, 300), 0.02, last=first)
    assert larger.side == pytest.approx(1.1 * first.side * (1 - 0.04))


def test_a_roll_past_half_a_turn_goes_on() -> None:
    (turn,) = rotation_matrices(np.array([-179.0]))
    last = FaceSquare(np.array((400.0, 300.0)), 100.0, 179.0)
    found = square_of(FACE @ turn.T + (400, 300), 0.001, last=last)
    assert found.roll == pytest.approx(181, abs=0.2)


def test_keypoints_without_a_square() -> None:
    assert NextSquare(FIVE_NAMES, RULE, 0, True)(np.zeros((5, 2)), SIZE) is None
