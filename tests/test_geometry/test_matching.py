from __future__ import annotations

import numpy as np

from rcn_mmpose.geometry.boxes import match_boxes


def box(x: float, y: float, side: float = 10) -> list[float]:
    return [x, y, x + side, y + side]


def test_half_of_the_union() -> None:
    true = np.array([box(0, 0)], float)
    # shares 10 x 7 of 130, 10 x 6 of 140
    assert match_boxes(true, np.array([box(3, 0), box(0, 4)], float)) == [0]
    assert match_boxes(true, np.array([box(4, 0)], float)) == [None]
    assert match_boxes(true, np.array([box(4, 0)], float), 0.4) == [0]
    assert match_boxes(true, np.zeros((0, 4))) == [None]
    assert match_boxes(np.zeros((0, 4)), true) == []


def test_each_box_and_each_face_once() -> None:
    true = np.array([box(0, 0), box(3, 0), box(50, 50)], float)
    # the second lies between the two faces, nearer to the second
    found = np.array([box(-1, 0), box(2, 0), box(90, 90)], float)
    assert match_boxes(true, found) == [0, 1, None]
    # one box for both: the nearer face has it
    assert match_boxes(true, found[1:2]) == [None, 0, None]
