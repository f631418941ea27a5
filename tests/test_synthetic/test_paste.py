from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import five_from_68
from rcn_mmpose.synthetic.paste import _around, _plain, paste_object


def face(side: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop of noise around 128, and 68 keypoints that fill it."""
    noise = np.random.default_rng(0).integers(120, 136, (side, side))
    points, _ = _plain()
    points = (points - points.min(0)) / np.ptp(points, axis=0)
    return noise.astype(np.uint8), points * 0.7 * side + 0.15 * side


def test_covered_pixels_change() -> None:
    crop, points = face()
    hidden = 0
    for seed in range(12):
        image, covered = paste_object(np.random.default_rng(seed), crop, points)
        assert image.shape == crop.shape and image.dtype == np.uint8
        x, y = np.round(points).astype(int).T
        same = image[y, x] == crop[y, x]
        hidden += covered.sum()
        # An occluder may have the colour of some pixels, but not of many.
        assert same[covered].mean() < 0.2 if covered.any() else True
    assert hidden > 12
    assert (crop == face()[0]).all()  # The input is not changed.


def test_result_depends_on_the_seed_alone() -> None:
    crop, points = face()
    first, second, other = (
        paste_object(np.random.default_rng(seed), crop, points)[0] for seed in (3, 3, 4)
    )
    assert (first == second).all() and (first != other).any()


def test_five_keypoints_place_the_68_of_an_average_face() -> None:
    """The average face is rotated, scaled and moved onto the five."""
    points, between = _plain()
    angle, scale = np.radians(25), 0.4
    turn = [
        [np.cos(angle), np.sin(angle)],
        [-np.sin(angle), np.cos(angle)],
    ]
    placed = scale * points @ turn + (7, -3)
    anchors, unit = _around(five_from_68(placed))
    np.testing.assert_allclose(anchors, placed, atol=1e-9)
    assert unit == pytest.approx(scale * between)
    again, _ = _around(placed)
    assert again is placed


def test_colour_crop_and_keypoints_outside() -> None:
    crop, points = face()
    colour = np.repeat(crop[..., None], 3, -1)
    five = five_from_68(points)
    five[0] = (-20, 500)
    for seed in range(8):
        image, covered = paste_object(np.random.default_rng(seed), colour, five)
        assert image.shape == (80, 80, 3)
        assert covered.shape == (5,) and not covered[0]


@pytest.mark.parametrize(('width', 'count'), [(79, 5), (80, 19)])
def test_invalid_crop_or_keypoints_raise(width: int, count: int) -> None:
    with pytest.raises(ValueError, match='give a square one with 5 or 68'):
        paste_object(
            np.random.default_rng(0),
            np.zeros((80, width), np.uint8),
            np.zeros((count, 2)),
        )
