"""Paired bootstrap: compare two models on the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .error_file import ErrorFile

CHUNK = 500  # resamples computed at once: 12 MB for 3,000 faces


class PairedDifference(NamedTuple):
    """Comparison of two models on N faces; errors in percent.

    Attributes:
        faces (int): N.
        first (float): Mean error of the first model.
        second (float): Mean error of the second.
        difference (float): Mean error of the second minus that of the first.
        low (float): Lower end of the 95 % interval of the difference.
        high (float): Upper end of the interval.
        better (float): Fraction of faces on which the second model is better.
        worse (float): Fraction of faces on which the second model is worse.
    """

    faces: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    better: float
    worse: float


def paired_bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    resamples: int = 10_000,
    seed: int = 0,
) -> PairedDifference:
    """Compare the errors of two models face by face with a paired bootstrap.

    Faces are drawn with replacement; the errors of both models on a face stay
    together (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    chapter 13, percentile interval). The interval covers the choice of the
    faces. It does not cover the variance between trainings.

    Args:
        first (np.ndarray): Errors of the first model, (N,).
        second (np.ndarray): Errors of the second on the same faces, (N,).
        resamples (int): Number of times N faces are drawn. Defaults to 10,000.
        seed (int): Seed of the random draws. Defaults to 0.

    Returns:
        PairedDifference: Means, their difference and its interval.

    Raises:
        ValueError: If a face lacks an error, or there are fewer than 2 faces.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            f'errors of shape {first.shape} and {second.shape}; give two '
            'rows of equal length, of 2 faces or more.'
        )
    if not np.isfinite([first, second]).all():
        raise ValueError('an error is not finite; leave such faces out.')
    if resamples < 1:
        raise ValueError(f'resamples={resamples}; give 1 or more.')
    by_face = second - first
    random = np.random.default_rng(seed)
    means = []
    for begin in range(0, resamples, CHUNK):
        count = min(CHUNK, resamples - begin)
        drawn = random.integers(len(by_face), size=(count, len(by_face)))
        means.append(by_face[drawn].mean(1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return PairedDifference(
        len(by_face),
        *(float(v.mean()) for v in (first, second, by_face)),
        *(float(v) for v in (low, high)),
        *(float(v.mean()) for v in (by_face < 0, by_face > 0)),
    )


def common_errors(
    files: Sequence[ErrorFile], name: str, subset: str = ''
) -> list[np.ndarray]:
    """Align the errors of several tests of the same faces.

    Args:
        files (Sequence[ErrorFile]): The tests, with faces in any order.
        name (str): Name of the errors, such as ``'NME_pixels_eye_points'``.
        subset (str): Subset of the faces; empty for all.

    Returns:
        list[np.ndarray]: Errors of each file, with faces in the order of the
        first file; infinite for a missed face. Faces without an error are left
        out.

    Raises:
        ValueError: If the files hold different faces, or an error is missing
            in one file only.
    """
    tables = []
    for file in files:
        if name not in file.errors:
            raise ValueError(
                f'{file.path} has no errors {name!r}, but {", ".join(file.errors)}.'
            )
        members = [not subset or subset in s for s in file.subsets]
        table = {
            face: error
            for face, error, member in zip(
                file.faces, file.errors[name], members, strict=True
            )
            if member and not np.isnan(error)
        }
        if not table:
            raise ValueError(f'{file.path}: subset {subset!r} has no face.')
        if len(table) < sum(members) - sum(np.isnan(file.errors[name][members])):
            raise ValueError(
                f'{file.path}: a face occurs twice; give each annotation an id of '
                'its own and test again.'
            )
        tables.append(table)
    for file, table in zip(files, tables, strict=True):
        if table.keys() != tables[0].keys():
            other = len(table.keys() ^ tables[0].keys())
            raise ValueError(
                f'{file.path} and {files[0].path}: {other} faces have an '
                'error in one of the two alone; compare tests of the same '
                'faces.'
            )
    return [np.array([table[face] for face in tables[0]]) for table in tables]
