from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from rcn_mmpose.image.colours import bgr
from rcn_mmpose.lab.report.box_errors import box_errors, draw_box_errors


def test_the_ways_in_which_boxes_are_off() -> None:
    errors = {(e.kind, e.amount): e for e in box_errors()}
    amounts = [amount for kind, amount in errors if kind == 'scale']
    assert amounts == [-20, -10, -5, 5, 10, 20]
    assert sum(len(e.moves) for e in errors.values()) == 1 + 24 + 6 + 6
    centre, side = np.array([100, 50]), 40
    true = errors['none', 0.0].apply(centre, side)
    assert true.centre.tolist() == [[100, 50]] and true.side.tolist() == [40]
    assert true.rotation.tolist() == [0]
    larger = errors['scale', 20.0].apply(centre, side)
    np.testing.assert_allclose(larger.side, [48])
    assert larger.centre.tolist() == [[100, 50]]
    leaning = errors['rotation', 30.0].apply(centre, side)
    assert leaning.rotation.tolist() == [-30, 30]
    assert leaning.side.tolist() == [40, 40]
    moved = errors['shift', 10.0].apply(centre, side)
    a = 4 * np.sqrt(0.5)
    np.testing.assert_allclose(
        moved.centre - centre,
        [(4, 0), (a, a), (0, 4), (-a, a), (-4, 0), (-a, -a), (0, -4), (a, -a)],
        atol=1e-9,
    )
    assert (moved.side == 40).all() and not moved.rotation.any()


def test_curves(tmp_path: Path) -> None:
    curves = {
        name: {(e.kind, e.amount): 3.0 + i for e in box_errors()}
        for i, name in enumerate('ab')
    }
    path = str(tmp_path / 'a.png')
    draw_box_errors(path, curves, 'NME')
    image = cv2.imread(path).reshape(-1, 3)
    for colour in ('blue', 'vermillion'):
        assert (image == bgr(colour)).all(-1).sum() > 100
