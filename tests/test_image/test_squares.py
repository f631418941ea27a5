from __future__ import annotations

import cv2
import numpy as np
import pytest

from rcn_mmpose.image.crop import Squares, crop_square, rotation_matrices

RNG = np.random.default_rng(0)
SIZE = (40, 40)


def square(centre: tuple, side: float, rotation: float) -> Squares:
    return Squares(np.array([centre], float), np.array([side]), np.array([rotation]))


def test_to_image_by_hand() -> None:
    """A crop of 40 pixels, each two pixels of the image, rotated clockwise."""
    points = np.array([[[0, 0], [20, 20], [40, 20]]], np.float32)
    spread = np.broadcast_to(np.diag([1.0, 2.0]), (1, 3, 2, 2))
    mass = np.array([[0.1, 0.2, 0.3]])
    found, confidence, covariance = square((50, 60), 80, 90).to_image(
        (points, mass, spread), 40
    )
    # the top-left corner goes to the top-right, right to the bottom
    expected = [[[90, 20], [50, 60], [50, 100]]]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(confidence, mass)
    np.testing.assert_allclose(covariance[0], [np.diag([8.0, 4.0])] * 3, atol=1e-12)


def test_rotation_matrices() -> None:
    found = rotation_matrices(np.array([0.0, 90, -30]))
    half = np.sqrt(3) / 2
    # y points down: 90 degrees turn (1, 0) to (0, 1), which is clockwise
    expected = [np.eye(2), [[0, -1], [1, 0]], [[half, 0.5], [-0.5, half]]]
    np.testing.assert_allclose(found, expected, atol=1e-15)
    assert rotation_matrices(np.zeros(0)).shape == (0, 2, 2)


@pytest.mark.parametrize('rotation', [0, 90, 180, -90])
def test_a_pixel_maps_back_to_its_position(rotation: float) -> None:
    image = np.zeros((100, 120), np.uint8)
    image[47, 62] = 255
    one = square((55, 50), 40, rotation)  # not resampled
    crop = crop_square(image, one.centre[0], one.side[0], SIZE, float(one.rotation[0]))
    (y,), (x,) = np.nonzero(crop)
    assert crop[y, x] == 255
    place = np.array([[[x, y]]], float)
    found, _, _ = one.to_image((place, place, np.zeros((1, 1, 2, 2))), 40)
    np.testing.assert_allclose(found, [[[62, 47]]], atol=1e-9)


def test_a_blob_maps_back_from_any_square() -> None:
    x, y = np.meshgrid(np.arange(200), np.arange(160))
    for _ in range(40):
        place = RNG.uniform((60, 50), (140, 110))
        apart = (x - place[0]) ** 2 + (y - place[1]) ** 2
        image = np.round(255 * np.exp(-apart / 2 / 5**2)).astype(np.uint8)
        one = square(
            place + RNG.uniform(-15, 15, 2),
            RNG.uniform(70, 130),
            RNG.uniform(-180, 180),
        )
        crop = crop_square(
            image, one.centre[0], one.side[0], SIZE, float(one.rotation[0])
        )
        moments = cv2.moments(crop)
        middle = np.array([moments['m10'], moments['m01']]) / moments['m00']
        found, _, _ = one.to_image(
            (middle[None, None], middle, np.zeros((1, 1, 2, 2))), 40
        )
        # a crop averages n samples a pixel, at most half a sample off
        np.testing.assert_allclose(found[0, 0], place, atol=0.15)


def test_take() -> None:
    centre = np.array([(1, 2), (3, 4), (5, 6)], np.float32)
    side = np.float32([7, 8, 9])
    squares = Squares.upright(list(zip(centre, side, strict=True)))
    assert len(squares) == 3 and len(Squares.upright([])) == 0
    some = squares.take(np.array([2, 0]))
    assert some.centre.tolist() == [[5, 6], [1, 2]]
    assert some.side.tolist() == [9, 7] and not some.rotation.any()
