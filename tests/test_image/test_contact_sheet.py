from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.image.contact_sheet import (
    BOX,
    PREDICTION,
    TRUTH,
    contact_sheet,
    draw_face,
)


def centre_of(tile: np.ndarray, color: tuple) -> np.ndarray:
    """Return the mean position of a colour in a tile, (x, y)."""
    y, x = np.nonzero((tile == color).all(-1))
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
    assert not boxed[..., 2].any() and BOX[2] == 0


def test_sheet() -> None:
    tiles = [np.full((4, 4, 3), 10 * i, np.uint8) for i in range(5)]
    sheet = contact_sheet(tiles, columns=3, gap=1)
    assert sheet.shape == (9, 14, 3)
    assert (sheet[5:9, 5:9] == 40).all()  # the fifth: second row and column
    assert (sheet[5:9, 10:14] == 255).all()
    with pytest.raises(ValueError, match='at least one face'):
        contact_sheet([])
