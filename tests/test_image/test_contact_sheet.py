from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.image.contact_sheet import (
    BOX,
    LEGEND,
    LETTER,
    PREDICTION,
    TRUTH,
    captioned,
    contact_sheet,
    draw_face,
    fitting,
    legend,
)
from rcn_mmpose.image.drawing import text_width


def centre_of(tile: np.ndarray, color: tuple) -> np.ndarray:
    """Return the mean position of a colour in a tile, (x, y)."""
    y, x = np.nonzero(np.abs(tile.astype(int) - color).max(-1) < 40)
    assert len(x)
    return np.array([x.mean(), y.mean()])


@pytest.mark.parametrize('shape', [(80, 80), (80, 80, 3)])
def test_positions_of_keypoints(shape: tuple) -> None:
    tile = draw_face(
        np.zeros(shape, np.uint8),
        keypoints=np.array([[20.0, 30.0]]),
        predictions=np.array([[60.0, 50.0]]),
        side=320,
    )
    assert tile.shape == (320, 320, 3)
    # pixel centre x lies at 4 (x + 0.5) - 0.5 in a tile four times larger
    np.testing.assert_allclose(centre_of(tile, TRUTH), (81.5, 121.5), atol=1)
    np.testing.assert_allclose(centre_of(tile, PREDICTION), (241.5, 201.5), atol=1)


def test_a_view_shows_a_part() -> None:
    image = np.zeros((100, 100), np.uint8)
    image[40:60, 40:60] = 255
    view = np.array([39.5, 39.5, 59.5, 59.5])
    tile = draw_face(image, view=view, side=100)
    assert tile[5:-5, 5:-5].min() == 255
    boxed = draw_face(image * 0, box=np.array([20, 20, 80, 80]), side=100)
    # The line is anti-aliased: every pixel with some of its colour counts.
    y, x = np.nonzero(boxed[..., 0])
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx(
        (20, 80, 20, 80), abs=1.5
    )
    assert (boxed == BOX).all(-1).any() or boxed.max() > 200


def test_hidden_keypoints_are_rings() -> None:
    places = np.array([[20.0, 40.0], [60.0, 40.0]])
    black = np.zeros((80, 80), np.uint8)
    tile = draw_face(black, places, hidden=np.array([False, True]), side=320)
    dot, ring = tile[161, 81], tile[161, 241]
    assert dot.tolist() == list(TRUTH) and not ring.any()
    assert np.abs(tile[140:185, 220:265].astype(int) - TRUTH).max(-1).min() < 60


def test_keypoints_without_a_position_are_not_drawn() -> None:
    lost = np.full((2, 2), np.nan)
    black = np.zeros((80, 80), np.uint8)
    assert not draw_face(black, lost, lost).any()
    half = draw_face(black, np.array([[40.0, 40], [np.nan, 0]]), lost)
    assert half.any()


def test_captions_keep_both_ends_of_a_long_name() -> None:
    tile = np.zeros((160, 160, 3), np.uint8)
    short, long = captioned(tile, ['a.jpg', '']), captioned(tile, ['a' * 99, ''])
    assert short.shape == long.shape and short.shape[1:] == (160, 3)
    assert (short[:160] == tile).all() and short[160:].any()
    name = fitting('holiday-in-the-mountains-0001.jpg', 120)
    assert name.startswith('hol') and name.endswith('.jpg') and '...' in name
    assert text_width(name, LETTER) <= 120
    assert fitting('a.jpg', 120) == 'a.jpg'
    assert fitting('a' * 99, 1) == 'a...a'  # no endless loop


def test_a_legend_wraps() -> None:
    marks = list(LEGEND)
    wide, narrow = legend(marks, 2000, 'unit'), legend(marks, 200, 'unit')
    assert wide.shape[1:] == (2000, 3) and narrow.shape[1:] == (200, 3)
    assert len(narrow) == 4 * len(wide)  # the note fits beside the box
    for color in (TRUTH, PREDICTION):
        assert np.abs(wide.astype(int) - color).max(-1).min() < 40
    tiles = [np.zeros((50, 100, 3), np.uint8)] * 2
    sheet = contact_sheet(tiles, columns=2, marks=['truth'])
    assert (sheet[:-50] == legend(['truth'], 202)).all()


def test_sheet() -> None:
    tiles = [np.full((4, 4, 3), 10 * i, np.uint8) for i in range(5)]
    sheet = contact_sheet(tiles, columns=3, gap=1)
    assert sheet.shape == (9, 14, 3)
    assert (sheet[5:9, 5:9] == 40).all()  # the fifth: second row and column
    assert (sheet[5:9, 10:14] == 255).all()
    with pytest.raises(ValueError, match='at least one face'):
        contact_sheet([])
