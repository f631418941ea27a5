from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from rcn_mmpose.image.colours import bgr
from rcn_mmpose.lab.paper.convergence import draw_convergence, mean_curve


def test_mean_of_seeds() -> None:
    curves = [[9.0, None, 5.0], [7.0, None], [8.0]]
    np.testing.assert_equal(mean_curve(curves), [8.0, np.nan, 5.0])


def test_image(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'curves.png'
    curves = {
        'SumNet (4 branch)': [50, 20, 11, 9],
        'RCN (4 branch)': [40, 9, 7, np.nan, 6.5],
        'RCN (5 branch)': [6],
    }
    draw_convergence(str(path), curves, 'NME_cells_eye_points')
    image = cv2.imread(str(path)).reshape(-1, 3)
    for colour in ('blue', 'vermillion'):
        assert (image == bgr(colour)).all(-1).sum() > 100
