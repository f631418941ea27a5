"""CSV files with the errors of each face, one line per face.

The header is ``id``, ``img_path``, ``x1``, ``y1``, ``x2``, ``y2`` (the annotated
box, empty if the face has no box), ``subsets`` (names separated by spaces), then
the errors in percent under the name of their mean, such as
``NME_pixels_eye_points``. An error is empty if the face has no labelled keypoint
of the set, and ``inf`` if the face was missed. Numbers are written with all digits.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..io.atomic import write_whole
from ..io.image_names import plain_name
from ..io.text_files import TextTable, open_text, safe_cell
from .error_table import ErrorTable, find_subsets
from .faces import FaceResult

BEFORE = ('id', 'img_path', 'x1', 'y1', 'x2', 'y2', 'subsets')


def write_errors(
    path: str, table: ErrorTable, missed: Sequence[FaceResult] = ()
) -> None:
    """Write the errors of all faces to a CSV file; the write is atomic.

    Args:
        path (str): File to write.
        table (ErrorTable): The errors.
        missed (Sequence[FaceResult]): Faces without a prediction, which have an
            infinite error. Their predictions are not used.
    """
    columns = table.columns()
    sets = [list(table.plan.keypoints[name]) for name in table.columns_of()]
    faces = [*table.faces, *missed]
    subsets = table.subsets
    if missed:
        subsets = find_subsets(faces, table.plan)
    names = [name for name in subsets if name]
    content = io.StringIO()
    writer = csv.writer(content, lineterminator='\n')
    writer.writerow((*BEFORE, *columns))
    for i, face in enumerate(faces):
        box = [''] * 4 if face.box is None else map(float, face.box)
        inside = ' '.join(n for n in names if subsets[n][i])
        if i < len(table.faces):
            errors = [float(column[i]) for column in columns.values()]
        else:
            errors = [math.inf if face.visible[s].any() else math.nan for s in sets]
        writer.writerow(
            (
                face.id,
                safe_cell(face.img_path),
                *box,
                safe_cell(inside),
                *('' if math.isnan(e) else repr(e) for e in errors),
            )
        )
    # A file name may hold bytes that are not UTF-8.
    write_whole(path, content.getvalue().encode('utf-8', 'surrogateescape'))


class ErrorFile(NamedTuple):
    """Content of an error file with N faces.

    Attributes:
        path (str): The file.
        faces (list[tuple[str, str]]): Id and image file name of each face, with
            as many of its folders as tell the faces apart.
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
            np.ndarray: In percent, without missing errors; infinite for a
            missed face.

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
        with open_text(path, 'surrogateescape') as file:
            table = TextTable(file)
            lines = [(table.line, row) for row in table.rows()]
    except (ValueError, csv.Error) as error:  # such as a field without an end
        raise ValueError(f'{path} is no file of errors: {error}.') from error
    header, faces = [cell.strip() for cell in table.cells], [row for _, row in lines]
    if tuple(header[: len(BEFORE)]) != BEFORE:
        raise ValueError(
            f'{path} is no file of errors: its first line does not begin with '
            f'{",".join(BEFORE)}; FaceNME writes them (out_file).'
        )
    for number, row in lines:
        if len(row) != len(header):
            raise ValueError(
                f'{path}, line {number}: {len(row)} fields instead of '
                f'{len(header)}; is the file cut short? Test again.'
            )
    if not faces:
        raise ValueError(f'{path} holds no face.')
    try:
        errors = {
            name: np.array([table.number(row[i] or 'nan') for row in faces])
            for i, name in enumerate(header)
            if i >= len(BEFORE)
        }
    except ValueError as error:
        raise ValueError(f'{path}: {error}; errors are numbers.') from None
    return ErrorFile(
        path,
        _named([(row[0], plain_name(row[1])) for row in faces]),
        [set(row[6].split()) for row in faces],
        errors,
    )


def _named(faces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Shorten the paths to their last parts, if these tell the faces apart.

    Tests in other folders, or on other machines, have the same faces.
    """
    parts = [path.split('/') for _, path in faces]
    for depth in range(1, max(map(len, parts)) + 1):
        named = [
            (number, '/'.join(path[-depth:]))
            for (number, _), path in zip(faces, parts, strict=True)
        ]
        if len(set(named)) == len(named):
            break
    return named
