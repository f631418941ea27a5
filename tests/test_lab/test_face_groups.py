from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import FIVE_NAMES, NAMES_68
from rcn_mmpose.lab.report.face_groups import group_faces, roll_of, yaw_of

FIVE = np.array([(0, 0), (40, 0), (20, 25), (5, 50), (35, 50)], float)


def face(five: np.ndarray, hidden: int = 0, **attributes: object) -> dict:
    flags = [1] * hidden + [2] * (5 - hidden)
    flat = np.column_stack((five, flags)).ravel().tolist()
    return dict(
        keypoints=five[None].astype(np.float32),
        raw_ann_info=dict(keypoints=flat, attributes=attributes),
    )


def test_yaw_and_roll_by_hand() -> None:
    assert yaw_of(FIVE) == 0
    aside = FIVE.copy()
    aside[2] = 30, 25  # 10 pixels beside a line of 50 pixels
    assert yaw_of(aside) == pytest.approx(0.2)
    down = FIVE @ np.array([(0.8, 0.6), (-0.6, 0.8)])
    assert yaw_of(down) == pytest.approx(0, abs=1e-9)
    assert roll_of(*down[:2]) == pytest.approx(36.8699, abs=1e-3)
    assert roll_of(*FIVE[:2]) == 0


def test_groups() -> None:
    aside = FIVE.copy()
    aside[2, 0] = 40  # a turn of 0.4
    faces = [
        face(FIVE, glasses=1, name='a'),
        face(aside * 3, glasses=2, name='b'),
        face(aside, hidden=2, glasses=1, name='a'),
    ]
    faces += [face(FIVE, glasses=1, name=str(i)) for i in range(9)]
    groups = group_faces(faces, FIVE_NAMES, ((0,), (1,)))
    found = {
        (criterion, name): np.flatnonzero(rows)[:3].tolist()
        for criterion, parts in groups.items()
        for name, rows in parts.items()
    }
    # no face leans, and there are too many names
    assert found == {
        ('yaw', 'below 0.1'): [0, 3, 4],
        ('yaw', 'from 0.25'): [1, 2],
        ('eye distance, pixels', '25 to 50'): [0, 2, 3],
        ('eye distance, pixels', 'from 100'): [1],
        ('keypoints', 'all visible'): [0, 1, 3],
        ('keypoints', 'some hidden'): [2],
        ('glasses', '1'): [0, 2, 3],
        ('glasses', '2'): [1],
    }


def test_68_keypoints_and_others() -> None:
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = FIVE[0], FIVE[1]
    points[[30, 48, 54]] = FIVE[2:]
    turned = points.copy()
    turned[30, 0] = 40
    faces = [dict(keypoints=p[None]) for p in (points, turned)]
    (parts,) = group_faces(faces, NAMES_68, ((36, 39), (42, 45))).values()
    assert parts['from 0.25'].tolist() == [False, True]
    # without known names there is no nose to measure the yaw
    faces = [face(FIVE), face(FIVE * 2)]
    assert not group_faces(faces, list('abcde'), None)
