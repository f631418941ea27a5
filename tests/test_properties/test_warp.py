"""Properties of crops: the map, its inverse, and the range of values."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcn_mmpose.device_data.warp_and_targets import warp
from rcn_mmpose.image.crop import crop_square, oversampling, upright_matrix
from rcn_mmpose.inference import ModelInfo

SIZE = 16
SQUARES = st.tuples(
    st.floats(-50, 500, width=32),
    st.floats(-50, 500, width=32),
    st.floats(1, 800, width=32),
)
CROP_POINTS = st.tuples(st.floats(0, SIZE - 1), st.floats(0, SIZE - 1))


@given(SQUARES, CROP_POINTS)
def test_the_map_and_its_inverse(square: tuple, point: tuple) -> None:
    """The map of the predictor from crop to image inverts the map of the crop."""
    x, y, side = square
    there = upright_matrix((x, y), side, (SIZE, SIZE))
    assert np.isfinite(there).all()
    # as predictors and MMPose's estimator map keypoints back
    back = np.array(point) * side / SIZE + (x - side / 2, y - side / 2)
    again = there @ (*back, 1)
    # float32 corners of a square around x, y
    slack = SIZE / side * 2e-6 * (abs(x) + abs(y) + side) + 1e-3
    np.testing.assert_allclose(again, point, atol=slack)
    inverse = cv2.invertAffineTransform(there)
    np.testing.assert_allclose(
        inverse @ (*again, 1), back, atol=1e-6 * (1 + np.abs(back).max())
    )


@given(
    st.tuples(st.floats(40, 80), st.floats(40, 80), st.floats(2, 60)),
    st.floats(-1, 1),
    st.floats(-1, 1),
)
def test_a_linear_slope_is_kept(square: tuple, dx: float, dy: float) -> None:
    """Inside the image each pixel has the value of the image at its position."""
    x, y, side = square
    rows, columns = np.mgrid[:120, :120]
    slope = 128 + dx * (columns - 60) + dy * (rows - 60)
    image = np.round(slope).astype(np.uint8)
    crop = crop_square(image, (x, y), side, (SIZE, SIZE))
    assert crop.shape == (SIZE, SIZE) and crop.dtype == np.uint8
    place = np.arange(SIZE) * side / SIZE
    expected = (
        128
        + dx * (place[None] + x - side / 2 - 60)
        + dy * (place[:, None] + y - side / 2 - 60)
    )
    # Samples are symmetric around a pixel, so the mean of a slope is the value
    # at the centre. OpenCV's warp has positions in 1/32 pixel; values are rounded.
    np.testing.assert_allclose(crop, expected, atol=1.6)


@given(SQUARES, st.integers(1, 90), st.integers(1, 90), st.booleans())
def test_any_square_gives_a_crop_or_an_error(
    square: tuple, width: int, height: int, colour: bool
) -> None:
    x, y, side = square
    shape = (height, width, 3) if colour else (height, width)
    image = np.full(shape, 200, np.uint8)
    try:
        crop = crop_square(image, (x, y), side, (SIZE, SIZE))
    except ValueError as error:
        assert 'lies outside the image' in str(error)
        apart = max(
            -x - side / 2,
            x - side / 2 - width,
            -y - side / 2,
            y - side / 2 - height,
        )
        assert apart >= -1e-3
        return
    assert crop.shape == (SIZE, SIZE) and crop.dtype == np.uint8
    assert crop.max() <= 200
    # pixels well inside the image keep its grey
    place = np.arange(SIZE) * side / SIZE
    reach = side / SIZE + 1
    inside = [
        (place + c - side / 2 > reach) & (place + c - side / 2 < n - 1 - reach)
        for c, n in ((x, width), (y, height))
    ]
    assert (crop[np.ix_(inside[1], inside[0])] == 200).all()


@given(st.floats(0, 1e9), st.integers(1, 200))
def test_oversampling_is_bounded(side: float, width: int) -> None:
    n = oversampling(side, width)
    assert 1 <= n <= 64
    assert n == 64 or n * width >= side * (1 - 1e-5) - 1e-5 * width


@given(
    st.tuples(*[st.floats(-2, 2, width=32)] * 4),
    st.tuples(*[st.floats(-20, 20, width=32)] * 2),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_batched_warp_by_brute_force(
    turn: tuple, shift: tuple, n: int, seed: int
) -> None:
    side, size = 12, 5
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 256, (side, side)).astype(np.uint8)
    a, b, d, e = turn
    matrix = np.array([[a, b, shift[0]], [d, e, shift[1]]], np.float32)
    sources = (torch.from_numpy(array)[None] for array in (image, matrix))
    found = warp(*sources, size, n)
    assert found.shape == (1, 1, size, size) and found.isfinite().all()
    padded = np.zeros((side + 2, side + 2))  # black border
    padded[1:-1, 1:-1] = image
    expected = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            for i in range(n):
                for j in range(n):
                    fine = [(k + 0.5) / n - 0.5 for k in (j, i)]
                    px, py = matrix.astype(float) @ (
                        column + fine[0],
                        row + fine[1],
                        1,
                    )
                    expected[row, column] += bilinear(padded, px + 1, py + 1)
    expected = np.floor(expected / n**2 + 0.5)
    assert np.abs(found[0, 0].numpy() - expected).max() <= 1  # for rounding


def bilinear(image: np.ndarray, x: float, y: float) -> float:
    """Interpolate bilinearly; the image is padded with zeros."""
    left, top = int(np.floor(x)), int(np.floor(y))
    total = 0.0
    for column, wx in ((left, left + 1 - x), (left + 1, x - left)):
        for row, wy in ((top, top + 1 - y), (top + 1, y - top)):
            if 0 <= column < len(image[0]) and 0 <= row < len(image):
                total += wx * wy * image[row, column]
    return total


@given(st.tuples(*[st.floats()] * 4))
def test_any_box_gives_a_square_or_an_error(box: tuple) -> None:
    for rule in ('given', 'detection'):
        info = ModelInfo((SIZE, SIZE), ('a',), dict(rule=rule))
        image = np.zeros((20, 30), np.uint8)
        with np.errstate(over='ignore', invalid='ignore'):
            try:
                square = info.square(np.array(box))
                crop = crop_square(image, *square, info.input_size)
            except ValueError as error:
                assert str(error)
                continue
        assert crop.shape == (SIZE, SIZE)
