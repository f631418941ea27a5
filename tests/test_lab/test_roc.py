from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.lab.calibration.roc import (
    area_under_roc,
    area_within,
)


def pairs(score: np.ndarray, positive: np.ndarray) -> float:
    """Compare every positive with every negative."""
    apart = score[positive][:, None] - score[~positive][None]
    return float(((apart > 0) + 0.5 * (apart == 0)).mean())


def test_area_by_all_pairs() -> None:
    random = np.random.default_rng(0)
    score = random.integers(0, 6, (30, 4)) / 5  # with ties
    positive = random.random((30, 4)) < 0.2 + 0.1 * score
    counts = random.random((30, 4)) < 0.8
    found = area_under_roc(score, positive, counts, resamples=50)
    expected = pairs(score[counts], positive[counts])
    assert found.area == pytest.approx(expected)
    assert found.low < found.area < found.high
    assert found.positive + found.negative == counts.sum()


def test_keypoints_of_a_face_stay_together() -> None:
    """Equal keypoints of a face make the interval wider."""
    random = np.random.default_rng(0)
    score = random.normal(size=(60, 1))
    positive = score + random.normal(size=(60, 1)) > 0
    alone = area_under_roc(score, positive)
    alike = area_under_roc(np.repeat(score, 9, 1), np.repeat(positive, 9, 1))
    assert alike[:3] == pytest.approx(alone[:3])
    apart = area_under_roc(np.repeat(score, 9, 0), np.repeat(positive, 9, 0))
    width = alone.high - alone.low
    assert apart.high - apart.low == pytest.approx(width / 3, rel=0.2)


def test_the_same_seed_gives_the_same_interval() -> None:
    score = np.arange(12.0).reshape(6, 2)
    positive = score % 3 == 0
    first = area_under_roc(score, positive, seed=1)
    assert first == area_under_roc(score, positive, seed=1)


def test_perfect_and_random_scores() -> None:
    positive = np.array([[True, False]] * 5)
    counts = np.ones((5, 2), bool)
    assert area_under_roc(positive * 1.0, positive).area == 1
    assert area_under_roc(np.zeros((5, 2)), positive).area == 0.5
    # each keypoint is always hidden or always visible: no pair to compare
    assert np.isnan(area_within(positive * 1.0, positive, counts))


def test_area_within_each_keypoint() -> None:
    """Keypoint 0 has higher scores and is hidden more often; alone it is chance."""
    score = np.array([[0.9, 0.1]] * 10)
    positive = np.zeros((10, 2), bool)
    positive[:8, 0] = positive[0, 1] = True
    assert area_under_roc(score, positive).area > 0.8
    counts = np.ones((10, 2), bool)
    assert area_within(score, positive, counts) == 0.5
    # weights are numbers of pairs: 16 correct pairs, 9 pairs at chance
    score = score.copy()
    score[:8, 0] = 0.95
    expected = (16 * 1 + 9 * 0.5) / 25
    assert area_within(score, positive, counts) == pytest.approx(expected)


def test_only_positives_or_only_negatives() -> None:
    with pytest.raises(ValueError, match='0 positives and 4 negatives'):
        area_under_roc(np.ones((2, 2)), np.zeros((2, 2), bool))
