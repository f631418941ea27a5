from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.image.drawing import confidence_color, draw_keypoints

BOX = np.array([[10.0, 10, 90, 90]])
NO_BOX = np.full((1, 4), np.nan)
DIAGONAL = np.diag([25.0, 100.0])


def draw(
    points: list,
    confidence: list,
    shape: tuple = (100, 100, 3),
    **more: object,
) -> np.ndarray:
    return draw_keypoints(
        np.zeros(shape, np.uint8),
        np.array([points], float),
        np.array([confidence], float),
        BOX,
        **more,
    )


def yellow(drawn: np.ndarray) -> np.ndarray:
    """Return the yellow pixels as (row, column), (N, 2)."""
    return np.argwhere((drawn[..., 2] > 100) & (drawn[..., 0] < 50))


@pytest.mark.parametrize(
    ('confidence', 'color'),
    [
        (0, (0, 0, 255)),
        (0.25, (0, 128, 255)),
        (0.5, (0, 255, 255)),
        (0.75, (128, 255, 128)),
        (1, (255, 255, 0)),
        (-1, (0, 0, 255)),
        (2, (255, 255, 0)),
    ],
)
def test_colors(confidence: float, color: tuple) -> None:
    assert confidence_color(confidence) == color


def test_dots_and_boxes() -> None:
    drawn = draw([(30, 40), (60, 70)], [0, 1])
    assert drawn[40, 30].tolist() == [0, 0, 255]
    assert drawn[70, 60].tolist() == [255, 255, 0]
    assert drawn[10, 50].min() > 200 and drawn[50, 90].min() > 200
    assert not drawn[:8].any() and not drawn[:, 93:].any()


def test_the_image_is_not_changed() -> None:
    for shape in ((50, 60), (50, 60, 1), (50, 60, 3)):
        image = np.full(shape, 7, np.uint8)
        drawn = draw_keypoints(image, np.ones((1, 1, 2)), [[1]], BOX)
        assert drawn.shape == (50, 60, 3)
        assert (image == 7).all() and (drawn[45:, :5] == 7).all()


def test_ellipses_hold_90_percent() -> None:
    drawn = draw([(50, 50)], [0.5], covariance=DIAGONAL[None, None])
    # 2.146 deviations of 5 and 10 pixels
    colored = yellow(drawn)
    y, x = colored.T
    assert abs(np.ptp(x) / 2 - 10.73) < 1
    assert abs(np.ptp(y) / 2 - 21.46) < 1
    rng = np.random.default_rng(0)
    samples = rng.multivariate_normal((0, 0), DIAGONAL, 20000)
    inside = (samples / (10.73, 21.46)) ** 2 @ (1, 1) <= 1
    assert abs(inside.mean() - 0.9) < 0.01


def test_ellipses_are_rotated_by_their_covariance() -> None:
    # x and y grow together: from top left to bottom right
    covariance = np.array([(60.0, 50), (50, 60)])
    drawn = draw([(50, 50)], [0.5], covariance=covariance[None, None])
    colored = yellow(drawn) - 50
    assert (colored[:, 0] * colored[:, 1]).mean() > 20


def test_invalid_values_are_not_drawn() -> None:
    points = [(np.nan, 5), (1e9, 5), (50, 50)]
    covariance = np.stack((DIAGONAL, DIAGONAL, np.full((2, 2), np.inf)))
    drawn = draw(points, [1, 1, 1], covariance=covariance[None])
    assert drawn[50, 50].tolist() == [255, 255, 0]
    nothing = draw_keypoints(
        np.zeros((9, 9, 3), np.uint8), np.ones((1, 1, 2)), [[1]], NO_BOX
    )
    assert not nothing.any()
