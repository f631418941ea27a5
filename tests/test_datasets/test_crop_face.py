from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from rcn_mmpose.datasets.transforms import CropFace
from rcn_mmpose.registry import TRANSFORMS


def crop(
    img: np.ndarray,
    centre: tuple[float, float],
    size: float | tuple[float, float],
    rotation: float | None = None,
    keypoints: list | None = None,
    kind: str = 'rcn_mmpose.CropFace',
    input_size: tuple[int, int] = (80, 80),
) -> dict:
    """Run CropFace or TopdownAffine."""
    results = dict(
        img=img,
        bbox_center=np.float32([centre]),
        bbox_scale=np.float32([np.broadcast_to(size, 2)]),
    )
    if rotation is not None:
        results['bbox_rotation'] = np.array([rotation])
    if keypoints is not None:
        results['keypoints'] = np.float32([keypoints])
        results['keypoints_visible'] = np.ones((1, len(keypoints)))
    transform = TRANSFORMS.build(dict(type=kind, input_size=input_size))
    return transform(results)


def noise(height: int, width: int, blur: float = 0) -> np.ndarray:
    rng = np.random.default_rng(0)
    img = rng.integers(0, 256, (height, width)).astype(np.uint8)
    if blur:
        img = cv2.GaussianBlur(img.astype(np.float32), (0, 0), blur)
        img = cv2.normalize(img, None, 0, 255, cv2.NORM_MINMAX)
    return img.astype(np.uint8)


# ------------------------------------------- comparison with TopdownAffine


@pytest.mark.parametrize('rotation', [None, 0, 25, -70])
@pytest.mark.parametrize('size', [80, 79.5, 30, (60, 20), (35, 70)])
def test_without_reduction_it_equals_topdown_affine(
    size: float | tuple, rotation: float | None
) -> None:
    arguments = dict(
        img=noise(150, 120),
        centre=(61.3, 70.9),
        size=size,
        rotation=rotation,
        keypoints=[(50, 60), (65.5, 80.25)],
    )
    ours = crop(**arguments)
    theirs = crop(**arguments, kind='mmpose.TopdownAffine')
    assert ours.keys() == theirs.keys()
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


@pytest.mark.parametrize('rotation', [None, 25])
@pytest.mark.parametrize('keypoints', [None, [(50, 60), (300, -80)]])
def test_with_reduction_only_the_image_differs(
    rotation: float | None, keypoints: list | None
) -> None:
    arguments = dict(
        img=noise(150, 120),
        centre=(61.3, 70.9),
        size=(251.7, 200),
        rotation=rotation,
        keypoints=keypoints,
    )
    ours = crop(**arguments)
    theirs = crop(**arguments, kind='mmpose.TopdownAffine')
    assert ours.keys() == theirs.keys()
    assert not np.array_equal(ours.pop('img'), theirs.pop('img'))
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


# ---------------------------------------------------------------- geometry


@pytest.mark.parametrize('n', [1, 2, 3, 5])
def test_reduction_by_a_whole_factor_is_a_mean(n: int) -> None:
    """Pixel j of the crop is the mean of n pixels around start + n * j."""
    img = noise(500, 520)
    start = np.array((40, 30))  # (x, y)
    out = crop(img, tuple(start + 40 * n), 80 * n)['img']
    # For an even n the centre of a block is between pixels, which are averaged.
    x = start[0] + n * np.arange(80)[:, None] + np.arange(n) - (n - 1) / 2
    y = start[1] + n * np.arange(80)[:, None] + np.arange(n) - (n - 1) / 2
    values = img.astype(float)
    if n % 2 == 0:
        values = (values[:, :-1] + values[:, 1:]) / 2
        values = (values[:-1] + values[1:]) / 2
        x, y = x - 0.5, y - 0.5
    x, y = x.astype(int), y.astype(int)
    blocks = values[y[:, None, :, None], x[None, :, None, :]]
    np.testing.assert_allclose(out, blocks.mean((2, 3)), atol=1.01)


@pytest.mark.parametrize('rotation', [0, 90, -30, 145])
@pytest.mark.parametrize('size', [60, 80, 170, 300])
def test_image_and_keypoints_are_aligned(size: float, rotation: float) -> None:
    """The centre of mass of a dot is at its keypoint, with sub-pixel accuracy."""
    dot, centre = np.array((205.4, 190.7)), np.array((200, 200))
    x, y = np.meshgrid(np.arange(400), np.arange(400))
    sigma = size / 40
    square = (x - dot[0]) ** 2 + (y - dot[1]) ** 2
    img = (250 * np.exp(-square / (2 * sigma**2))).round().astype(np.uint8)
    results = crop(img, tuple(centre), size, rotation, [dot])

    # The box turns by the angle, so the image turns in the other direction.
    angle = np.deg2rad(rotation)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    expected = turn @ (dot - centre) * 80 / size + 40
    found = results['transformed_keypoints'][0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-3)

    mass = results['img'].astype(float)
    j, i = np.meshgrid(np.arange(80), np.arange(80))
    middle = (mass * j).sum() / mass.sum(), (mass * i).sum() / mass.sum()
    np.testing.assert_allclose(middle, expected, atol=0.05)


def test_crops_that_are_not_square() -> None:
    """The box grows to the shape of the crop, (width, height)."""
    results = crop(noise(400, 400), (200, 200), (100, 100), input_size=(40, 80))
    assert results['img'].shape == (80, 40)
    np.testing.assert_allclose(results['bbox_scale'], [(100, 200)])
    out = crop(noise(400, 400), (200, 200), (240, 10), input_size=(80, 40))
    assert out['img'].shape == (40, 80)
    np.testing.assert_allclose(out['bbox_scale'], [(240, 120)])


def test_lists_from_a_config_file() -> None:
    assert CropFace(input_size=[80, 40]).input_size == (80, 40)


# ------------------------------------------------------------- anti-aliasing


def enlarge(img: np.ndarray) -> np.ndarray:
    size = (8 * img.shape[1], 8 * img.shape[0])
    return cv2.resize(img, size, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize('rotation', [0, 33])
def test_an_image_enlarged_eight_times(rotation: float) -> None:
    img = noise(120, 130, blur=2)
    points = np.array([(50, 60), (70.5, 64.25)])
    small = crop(img, (60, 55), 70, rotation, points)
    large = crop(
        enlarge(img),
        (8 * 60 + 3.5, 8 * 55 + 3.5),
        8 * 70,
        rotation,
        8 * points + 3.5,
    )
    a, b = (x['img'].astype(float) for x in (small, large))
    assert a.std() > 20
    assert np.abs(a - b).mean() < 2
    np.testing.assert_allclose(
        large['transformed_keypoints'],
        small['transformed_keypoints'],
        atol=1e-3,
    )
    # The tolerance is small enough to detect a shift of half a pixel.
    assert np.abs(a[:, 1:] - a[:, :-1]).mean() / 2 > 2


def test_fine_noise_is_averaged() -> None:
    """CropFace averages fine noise of a large image; TopdownAffine samples it."""
    img = noise(120, 130, blur=2)
    img = 50 + (img * (150 / 255)).astype(np.uint8)
    signs = np.random.default_rng(1).choice((-50, 50), (960, 1040))
    noisy = (enlarge(img).astype(int) + signs).clip(0, 255).astype(np.uint8)
    clean = crop(img, (60, 55), 70)['img'].astype(float)
    box = dict(centre=(8 * 60 + 3.5, 8 * 55 + 3.5), size=8 * 70)
    ours = crop(noisy, **box)['img']
    theirs = crop(noisy, **box, kind='mmpose.TopdownAffine')['img']
    # A mean of 49 pixels has at most the deviation 50 / 7 * 0.8.
    assert np.abs(ours - clean).mean() < 6
    assert np.abs(theirs - clean).mean() > 15


@pytest.mark.parametrize('size', [161, 240, 400, 479])
def test_a_checkerboard_becomes_grey(size: float) -> None:
    board = np.indices((500, 500)).sum(0) % 2 * np.uint8(255)
    board = board.astype(np.uint8)
    ours = crop(board, (250, 250), size)['img']
    theirs = crop(board, (250, 250), size, kind='mmpose.TopdownAffine')['img']
    assert np.abs(ours - 127.5).max() < 40
    assert np.abs(theirs - 127.5).max() > 80


# ----------------------------------------------------------------- borders


@pytest.mark.parametrize('size', [60, 200])
def test_pixels_outside_the_image_are_black(size: float) -> None:
    img = np.full((300, 300), 200, np.uint8)
    out = crop(img, (0, 300), size)['img']
    # The image covers the upper right quarter.
    assert (out[:38, 42:] == 200).all()
    assert not out[:, :38].any()
    assert not out[42:].any()


def test_box_beside_the_image() -> None:
    out = crop(noise(50, 50), (500, -500), 200)['img']
    assert out.shape == (80, 80)
    assert not out.any()


def test_huge_box() -> None:
    """A whole image falls into few pixels, and little memory is used."""
    img = np.full((1000, 1000), 255, np.uint8)
    tracemalloc.start()
    try:
        out = crop(img, (500, 500), 1e6)['img']
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert out.shape == (80, 80)
    assert not out[:30].any()
    assert peak < 100e6
