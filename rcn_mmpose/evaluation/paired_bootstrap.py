"""Whether one model is better than another on the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .error_file import ErrorFile

CHUNK = 500  # resamples at a time: 12 MB for 3,000 faces


class PairedDifference(NamedTuple):
    """Two models on N faces; errors in percent.

    Attributes:
        faces (int): N.
        first (float): Mean error of the first model.
        second (float): Mean error of the second.
        difference (float): The second's less the first's.
        low (float): Lower end of its 95 % interval.
        high (float): Upper end.
        better (float): Part of the faces where the second is better.
        worse (float): Part where it is worse.
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
    """Compare errors face by face.

    Faces are drawn with replacement, both models' errors of a face together
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter
    13, percentile interval). The interval tells how far another sample of
    faces could move the difference, not another training.

    Args:
        first (np.ndarray): Errors of the first model, (N,).
        second (np.ndarray): Errors of the second on the same faces, (N,).
        resamples (int): How often to draw N faces. Defaults to 10,000.
        seed (int): Of the drawing. Defaults to 0.

    Returns:
        PairedDifference: Means, their difference and its interval.

    Raises:
        ValueError: If there are not two errors of each face, or too few.
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
    """Put the errors of several tests of the same faces side by side.

    Args:
        files (Sequence[ErrorFile]): The tests, faces in any order.
        name (str): Of the errors, such as ``'NME_pixels_eye_points'``.
        subset (str): Of the faces; empty for all.

    Returns:
        list[np.ndarray]: Errors by file, faces in the order of the first
        file; without those that have no error.

    Raises:
        ValueError: If the faces are not the same, or an error is missing in
            one file alone.
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
