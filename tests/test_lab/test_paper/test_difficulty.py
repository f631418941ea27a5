from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.evaluation.faces import FaceResult
from rcn_mmpose.lab.paper.difficulty import (
    BINS,
    choose,
    draw_log_errors,
    draw_samples,
    rank,
    smooth,
)
from rcn_mmpose.lab.paper.tested_faces import FaceErrors


def face(number: int, path: str = 'none.png') -> FaceResult:
    truth = np.array([[20.0, 20], [40, 20], [30, 40]])
    return FaceResult(
        dataset='toy',
        id=number,
        img_path=path,
        box=None,
        visible=np.ones(3, bool),
        truth=truth,
        pred=truth + 5,
        cells=None,
        size=np.array([80.0, 80]),
        centre=np.array([30.0, 30]),
        scale=np.array([60.0, 60]),
        labels={},
    )


def of_errors(*errors: float, path: str = 'none.png') -> FaceErrors:
    faces = [face(i, path) for i in range(len(errors))]
    return FaceErrors(faces, np.array(errors, float))


def test_ranking_by_the_mean_of_all_models() -> None:
    both = dict(a=of_errors(1, 9, 4, 2), b=of_errors(9, 9, 0, 2))
    assert rank(both).tolist() == [2, 3, 0, 1]  # means 2, 2, 5, 9
    with pytest.raises(ValueError, match="'b' was tested on other faces than"):
        rank(dict(both, b=of_errors(1, 2)))


def test_one_rank_from_each_bin() -> None:
    bins = (0, 50, 90, 100)
    drawn = np.array([choose(10, seed, bins) for seed in range(200)])
    assert [set(column) for column in drawn.T] == [
        {0, 1, 2, 3, 4},
        {5, 6, 7, 8},
        {9},
    ]
    assert choose(10, 3, bins) == choose(10, 3, bins)
    with pytest.raises(ValueError, match='20 faces are too few for 13 bins'):
        choose(20, 0)


def test_running_mean() -> None:
    values = np.array([3.0, 6, 0, 9, 1])
    np.testing.assert_allclose(smooth(values, 3), [4.5, 3, 5, 10 / 3, 5])
    np.testing.assert_allclose(smooth(values, 1), values)


def test_images(tmp_path: Path) -> None:
    photo = str(tmp_path / 'face.png')
    cv2.imwrite(photo, np.full((60, 60, 3), 90, np.uint8))
    errors = np.linspace(1, 20, 100)
    both = dict(
        first=of_errors(*errors, path=photo),
        other=of_errors(*2 * errors, path=photo),
    )
    titles = draw_samples(str(tmp_path / '3.png'), both)
    assert titles[0].startswith('first\n')
    first, other = (float(title.split('\n')[1][:-2]) for title in titles)
    assert other == pytest.approx(2 * first, abs=0.02)
    # Hard faces are chosen more often.
    assert first > errors.mean() + 3
    image = cv2.imread(str(tmp_path / '3.png')).astype(int)
    yellow = (image[..., 1:] > 150).all(-1) & (image[..., 0] < 110)
    assert yellow.sum() > 2 * (len(BINS) - 1)
    draw_log_errors(str(tmp_path / 's2.png'), both)
    assert cv2.imread(str(tmp_path / 's2.png')).std() > 5


def test_unreadable_image(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="'none.png' does not exist"):
        draw_samples(str(tmp_path / '3.png'), dict(a=of_errors(*range(100))))
