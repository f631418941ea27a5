"""CSV files with the errors of each face, one line per face.

The header is ``id``, ``img_path``, ``x1``, ``y1``, ``x2``, ``y2`` (the annotated
box, empty if the face has no box), ``subsets`` (names separated by spaces), then
the errors in percent under the name of their mean, such as
``NME_pixels_eye_points``. An error is empty if the face has no labelled keypoint
of the set. Numbers are written with all digits.
"""

from __future__ import annotations

import csv
import io
import math
from typing import NamedTuple

import numpy as np

from ..io.output import write_whole
from .error_table import ErrorTable

BEFORE = ('id', 'img_path', 'x1', 'y1', 'x2', 'y2', 'subsets')


def write_errors(path: str, table: ErrorTable) -> None:
    """Write the errors of all faces to a CSV file; the write is atomic.

    Args:
        path (str): File to write.
        table (ErrorTable): The errors.
    """
    columns = table.columns()
    names = [name for name in table.subsets if name]
    content = io.StringIO()
    writer = csv.writer(content, lineterminator='\n')
    writer.writerow((*BEFORE, *columns))
    for i, face in enumerate(table.faces):
        box = [''] * 4 if face.box is None else map(float, face.box)
        subsets = ' '.join(n for n in names if table.subsets[n][i])
        errors = [float(column[i]) for column in columns.values()]
        writer.writerow(
            (
                face.id,
                face.img_path,
                *box,
                subsets,
                *('' if math.isnan(e) else repr(e) for e in errors),
            )
        )
    write_whole(path, content.getvalue().encode())


class ErrorFile(NamedTuple):
    """Content of an error file with N faces.

    Attributes:
        path (str): The file.
        faces (list[tuple[str, str]]): Id and image file name of each face.
        subsets (list[set]): Names of the subsets that contain each face.
        errors (dict): Errors in percent, (N,), by name; NaN if missing.
    """

    path: str
    faces: list[tuple[str, str]]
    subsets: list[set[str]]
    errors: dict[str, np.ndarray]

    def select(self, name: str, subset: str = '') -> np.ndarray:
        """Return the errors of one name, for a subset or for all faces.

        Args:
            name (str): Such as ``'NME_pixels_eye_points'``.
            subset (str): Name of the subset; empty for all faces.

        Returns:
            np.ndarray: In percent, without missing errors.

        Raises:
            ValueError: If the file has no errors of this name, or no face of
                this subset.
        """
        if name not in self.errors:
            raise ValueError(
                f'{self.path} has no errors {name!r}, but {", ".join(self.errors)}.'
            )
        members = np.array([not subset or subset in s for s in self.subsets])
        if not members.any():
            there = sorted(set().union(*self.subsets)) or ['none']
            raise ValueError(
                f'{self.path}: subset {subset!r} matches no face; the subsets '
                f'named there are: {", ".join(there)}.'
            )
        errors = self.errors[name][members]
        return errors[~np.isnan(errors)]


def read_errors(path: str) -> ErrorFile:
    """Read an error file.

    Args:
        path (str): The file.

    Returns:
        ErrorFile: The content.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not an error file, or is truncated.
    """
    try:
        with open(path, encoding='utf-8', newline='') as file:
            rows = list(csv.reader(file))
    except (ValueError, csv.Error) as error:  # not UTF-8, or a field without an end
        raise ValueError(f'{path} is no file of errors: {error}.') from error
    if not rows or tuple(rows[0][: len(BEFORE)]) != BEFORE:
        raise ValueError(
            f'{path} is no file of errors: its first line does not begin with '
            f'{",".join(BEFORE)}; FaceNME writes them (out_file).'
        )
    header, *faces = rows
    for number, row in enumerate(faces, 2):
        if len(row) != len(header):
            raise ValueError(
                f'{path}, line {number}: {len(row)} fields instead of '
                f'{len(header)}; is the file cut short? Test again.'
            )
    if not faces:
        raise ValueError(f'{path} holds no face.')
    try:
        errors = {
            name: np.array([float(row[i] or 'nan') for row in faces])
            for i, name in enumerate(header)
            if i >= len(BEFORE)
        }
    except ValueError as error:
        raise ValueError(f'{path}: {error}; errors are numbers.') from None
    return ErrorFile(
        path,
        [(row[0], row[1].rpartition('/')[2]) for row in faces],
        [set(row[6].split()) for row in faces],
        errors,
    )
