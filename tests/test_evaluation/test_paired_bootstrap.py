from __future__ import annotations

import itertools

import numpy as np
import pytest

from rcn_mmpose.evaluation.error_file import ErrorFile
from rcn_mmpose.evaluation.paired_bootstrap import (
    common_errors,
    paired_bootstrap,
)


def test_means_and_faces_by_hand() -> None:
    found = paired_bootstrap(
        np.array([4.0, 5.0, 6.0, 9.0]), np.array([3.0, 5.5, 5.0, 9.0])
    )
    assert found.faces == 4
    assert found.first == 6
    assert found.second == 5.625
    assert found.difference == -0.375
    assert (found.better, found.worse) == (0.5, 0.25)
    assert found.low < found.difference < found.high


def test_interval_by_all_samples() -> None:
    """4 faces have 4^4 samples, which give the exact distribution."""
    by_face = np.array([-3.0, -1.0, 0.5, 2.0])
    every = np.mean(list(itertools.product(by_face, repeat=4)), 1)
    found = paired_bootstrap(np.zeros(4), by_face, 40_000)
    assert found.low == pytest.approx(np.percentile(every, 2.5), abs=0.25)
    assert found.high == pytest.approx(np.percentile(every, 97.5), abs=0.25)


def test_errors_of_a_face_are_paired() -> None:
    """Faces differ by tens, the models by 1 on each face: a narrow interval."""
    errors = np.arange(50.0)
    found = paired_bootstrap(errors, errors + 1)
    assert found.low == pytest.approx(1)
    assert found.high == pytest.approx(1)
    assert paired_bootstrap(errors, errors[::-1]).low < -5


@pytest.mark.parametrize(
    ('first', 'second', 'resamples', 'message'),
    [
        ([1.0, 2.0], [1.0], 10, r'\(2,\) and \(1,\)'),
        ([1.0], [1.0], 10, '2 faces or more'),
        ([1.0, np.nan], [1.0, 2.0], 10, 'not finite'),
        ([1.0, 2.0], [1.0, 2.0], 0, 'resamples=0'),
    ],
)
def test_bad_input(
    first: list[float], second: list[float], resamples: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(np.array(first), np.array(second), resamples)


def file_of(path: str, errors: dict[str, float]) -> ErrorFile:
    faces = [(name, f'{name}.jpg') for name in errors]
    subsets = [{'even'} if int(name) % 2 == 0 else set() for name in errors]
    return ErrorFile(path, faces, subsets, {'NME': np.array(list(errors.values()))})


def test_faces_are_matched_by_name() -> None:
    nan = float('nan')
    a = file_of('a', {'1': 1.0, '2': 2.0, '3': nan, '4': 4.0})
    b = file_of('b', {'4': 40.0, '3': nan, '1': 10.0, '2': 20.0})
    first, second = common_errors([a, b], 'NME')
    assert first.tolist() == [1, 2, 4]
    assert second.tolist() == [10, 20, 40]
    first, second = common_errors([a, b], 'NME', 'even')
    assert (first.tolist(), second.tolist()) == ([2, 4], [20, 40])


def test_files_with_different_faces() -> None:
    a = file_of('a', {'1': 1.0, '2': 2.0})
    b = file_of('b', {'1': 1.0, '3': 2.0})
    with pytest.raises(ValueError, match='b and a: 2 faces'):
        common_errors([a, b], 'NME')
    with pytest.raises(ValueError, match="no errors 'AUC', but NME"):
        common_errors([a], 'AUC')
    with pytest.raises(ValueError, match="'odd' has no face"):
        common_errors([a], 'NME', 'odd')
