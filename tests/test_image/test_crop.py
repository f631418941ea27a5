from __future__ import annotations

import numpy as np
import pytest
from mmpose.structures.bbox import get_warp_matrix

from rcn_mmpose.datasets.transforms import CropFace, LoadGreyImage
from rcn_mmpose.image.crop import (
    crop_square,
    oversampling,
    to_grey,
    turned_matrix,
    upright_matrix,
    warp,
)

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (150, 120, 3)).astype(np.uint8)


def by_pipeline(img: np.ndarray, centre: np.ndarray, side: float) -> np.ndarray:
    results = LoadGreyImage()(dict(img=img))
    results['bbox_center'] = np.float32([centre])
    results['bbox_scale'] = np.full((1, 2), side, np.float32)
    return CropFace((80, 80))(results)['img']


def test_the_matrix_equals_that_of_mmpose_bit_for_bit() -> None:
    for _ in range(300):
        centre = RNG.uniform(-500, 4000, 2).astype(np.float32)
        side = np.float32(RNG.uniform(1, 3000))
        expected = get_warp_matrix(centre, np.full(2, side), 0.0, output_size=(80, 80))
        np.testing.assert_array_equal(upright_matrix(centre, side, (80, 80)), expected)


def test_a_part_of_the_image_gives_the_crop_of_the_whole() -> None:
    """Squares inside, across each border, larger than the image, and enlarged."""
    differ = 0
    for _ in range(200):
        centre = RNG.uniform((-5, -5), (125, 155))
        side = RNG.choice([RNG.uniform(25, 100), RNG.uniform(100, 700)])
        crop = crop_square(COLOUR, centre, side, (80, 80))
        apart = np.abs(crop - by_pipeline(COLOUR, centre, side).astype(int))
        # a sample's position may round to the next 1/32 pixel
        assert apart.max() <= 8
        differ += apart.any()
    assert differ <= 4


@pytest.mark.parametrize('rotation', [-170, -90, -12.5, 30, 90, 180])
def test_a_rotated_square_is_cropped_as_in_training(rotation: float) -> None:
    for _ in range(20):
        centre = RNG.uniform((-5, -5), (125, 155)).astype(np.float32)
        side = np.float32(RNG.uniform(25, 300))
        np.testing.assert_allclose(
            turned_matrix(centre, side, (80, 80), rotation),
            get_warp_matrix(centre, np.full(2, side), rotation, output_size=(80, 80)),
            atol=2e-3,  # MMPose's matrix is rounded to float32
        )
        results = LoadGreyImage()(dict(img=COLOUR))
        results['bbox_center'] = centre[None]
        results['bbox_scale'] = np.full((1, 2), side)
        results['bbox_rotation'] = np.array([rotation])
        expected = CropFace((80, 80))(results)['img'].astype(int)
        crop = crop_square(COLOUR, centre, side, (80, 80), rotation)
        # a sample's position may round to the next 1/32 pixel
        assert np.abs(crop - expected).mean() < 0.2
        assert np.abs(crop - expected).max() <= 16


def test_only_the_corner_of_a_rotated_square_touches() -> None:
    # the upright square ends at x = -1; the rotated corner reaches x = 19
    with pytest.raises(ValueError, match='outside'):
        crop_square(COLOUR, (-51, 70), 100, (80, 80))
    assert crop_square(COLOUR, (-51, 70), 100, (80, 80), 45).any()


def test_grey_and_colour() -> None:
    grey = to_grey(COLOUR)
    for img in (grey, grey[..., None]):
        np.testing.assert_array_equal(
            crop_square(img, (60, 70), 90, (80, 80)),
            crop_square(COLOUR, (60, 70), 90, (80, 80)),
        )


@pytest.mark.parametrize('centre', [(-50, 70), (171, 70), (60, -50), (60, 201)])
def test_a_square_outside_is_refused(centre: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match='outside the image of 120x150'):
        crop_square(COLOUR, centre, 100, (80, 80))


@pytest.mark.parametrize('rotation', [0.0, 37.0])
def test_large_squares_read_enough_of_the_image(rotation: float) -> None:
    """The crop equals the one from the whole image."""
    image = np.random.default_rng(0).integers(100, 256, (900, 900))
    image = image.astype(np.uint8)
    x, y, side = 450.0, 430.0, 601.0
    if rotation:
        matrix = turned_matrix((x, y), side, (16, 16), rotation)
    else:
        matrix = upright_matrix((x, y), side, (16, 16))
    np.testing.assert_array_equal(
        crop_square(image, (x, y), side, (16, 16), rotation),
        warp(image, matrix, (16, 16), oversampling(side, 16)),
    )
