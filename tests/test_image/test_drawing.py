from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import FIVE_NAMES, NAMES_68, known_lines
from rcn_mmpose.image.colours import confidence_color
from rcn_mmpose.image.drawing import draw_keypoints

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


def test_lines_have_the_lower_confidence_of_their_ends() -> None:
    points = [(20, 30), (80, 30), (50, 70)]
    drawn = draw(points, [1, 0.5, 0], lines=[(0, 1)], radius=4, box=False)
    blue, green, red = drawn[30, 50].tolist()
    assert blue == 0 and green == red > 200  # yellow, anti-aliased
    assert not drawn[36:60].any()  # no line to the third keypoint
    translucent = draw(points, [1, 1, 1], lines=[(0, 1)], radius=1, box=False)
    # The line is a quarter of a pixel wide.
    assert translucent[30, 50, :2] == pytest.approx(255 / 4, abs=8)


def test_a_line_to_a_point_that_cannot_be_drawn() -> None:
    drawn = draw([(20, 30), (np.nan, 30)], [1, 1], lines=[(0, 1)], box=False)
    assert drawn[30, 20].any() and not drawn[:, 40:].any()
    outside = draw([(-50, -50), (-20, -20)], [1, 1], lines=[(0, 1)], box=False)
    assert not outside.any()


def test_dots_keep_within_the_radius() -> None:
    def coloured(**options: object) -> int:
        return int(draw([(50, 50)], [1], box=False, **options).any(-1).sum())

    assert coloured(radius=10) > 3.14 * 10**2 > coloured(radius=5) > 3.14 * 5**2
    # The colour of a tiny dot is spread over the pixels around its place.
    tiny = draw([(50.25, 50)], [1], box=False, radius=1)
    assert tiny[50, 50:52].tolist() == [[191, 191, 0], [64, 64, 0]]
    assert np.argwhere(tiny.any(-1)).tolist() == [[50, 50], [50, 51]]
    for wrong in (0, -1, float('nan')):
        with pytest.raises(ValueError, match='give pixels above 0'):
            draw([(50, 50)], [1], radius=wrong)


@pytest.mark.parametrize('names', [FIVE_NAMES, NAMES_68])
@pytest.mark.parametrize('side', [80, 2000])
def test_the_face_stays_visible(names: tuple, side: int) -> None:
    """Dots and lines cover a small part of a face of any size."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0.1, 0.9, (1, len(names), 2)) * side
    drawn = draw_keypoints(
        np.zeros((side, side, 3), np.uint8),
        points,
        np.ones((1, len(names))),
        np.array([[0.0, 0, side, side]]),
        box=False,
    )
    covered = (drawn > 127).any(-1).mean()
    assert 0.002 < covered < 0.03
    lined = draw_keypoints(
        np.zeros((side, side, 3), np.uint8),
        points,
        np.ones((1, len(names))),
        np.array([[0.0, 0, side, side]]),
        box=False,
        lines=known_lines(names),
    )
    assert (lined > 0).sum() > 1.5 * (drawn > 0).sum()


def test_without_boxes() -> None:
    assert not draw([(np.nan, np.nan)], [1], box=False).any()


def test_numbers_are_written_above_the_box() -> None:
    plain, numbered = draw([(50, 50)], [1]), draw([(50, 50)], [1], numbers=[7])
    rows, columns = np.nonzero((plain != numbered).any(-1))
    # There is no room above this box, whose upper edge is row 10.
    assert len(rows) and rows.min() >= 10 and rows.max() < 30 and columns.max() < 40
    high = draw_keypoints(
        np.zeros((200, 200, 3), np.uint8),
        np.full((1, 1, 2), 150.0),
        np.ones((1, 1)),
        np.array([[100.0, 100, 190, 190]]),
        numbers=[12],
    )
    assert high[80:98, 100:130].max() > 200 and not high[:80].any()


def test_the_legend_takes_the_emptiest_corner() -> None:
    shape = (300, 300, 3)
    drawn = draw([(280, 280)], [1], shape=shape, legend=True, box=False)
    changed = np.argwhere((drawn != 0).any(-1))
    low, high = changed[changed[:, 1] < 150].min(0), changed[changed[:, 1] < 150].max(0)
    assert low[0] > 200 and high[1] < 150  # bottom left
    for confidence in (0, 0.5, 1):
        far = np.abs(drawn.astype(int) - confidence_color(confidence))
        assert far.max(-1).min() <= 5
    both = draw([(10, 280), (280, 280)], [1, 1], shape=shape, legend=True, box=False)
    assert both[:100, :150].any()  # top left
    small = draw([(50, 50)], [1], shape=(60, 60, 3), legend=True, box=False)
    assert np.array_equal(small, draw([(50, 50)], [1], shape=(60, 60, 3), box=False))
