"""Read the boxes of faces from a file.

The file is a COCO json (``images`` with ``file_name``, ``annotations`` with
``bbox``: x, y, width and height), or a csv with a header and a line for each
face, in the columns ``file`` (or ``img_path``), ``x1``, ``y1``, ``x2`` and
``y2``. Boxes are in pixels of the image.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from . import BROKEN

COLUMNS = ('x1', 'y1', 'x2', 'y2')
FILE = ('file', 'img_path')


def read_boxes(path: str) -> dict[str, np.ndarray]:
    """Read the boxes.

    Args:
        path (str): The file, .json or .csv.

    Returns:
        dict[str, np.ndarray]: Boxes (x1, y1, x2, y2) by the name of the
        image, (N, 4), in the order of the file. An image without an annotation
        in a json has N = 0. Values are not checked: NaN stays NaN.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file has another form; the message names the line.
    """
    with open(path, encoding='utf-8', newline='') as file:
        try:
            if path.lower().endswith('.json'):
                found = _from_json(json.load(file))
            elif path.lower().endswith('.csv'):
                found = _from_csv(csv.DictReader(file))
            else:
                raise ValueError('its name ends neither in .json nor in .csv')
            if not all(isinstance(name, str) for name in found):
                raise ValueError('an image has no name')
        except (*BROKEN, csv.Error) as error:
            what = f'{error}'
            if isinstance(error, KeyError):
                what = f'there is no {error}'
            raise ValueError(
                f'boxes {path!r}: {what}; give a COCO json with file_name and '
                'bbox, or a csv with the columns file, x1, y1, x2, y2.'
            ) from error
    return {
        name: np.array(boxes, float).reshape(-1, 4) for name, boxes in found.items()
    }


def _from_json(content: dict) -> dict[str, list]:
    """Read a COCO json."""
    names = {image['id']: image['file_name'] for image in content['images']}
    found: dict[str, list] = {name: [] for name in names.values()}
    for face in content['annotations']:
        x, y, width, height = map(float, face['bbox'])
        found[names[face['image_id']]].append((x, y, x + width, y + height))
    return found


def _from_csv(rows: csv.DictReader) -> dict[str, list]:
    """Read a csv."""
    header = rows.fieldnames or ()
    name = next((column for column in FILE if column in header), FILE[0])
    for column in (name, *COLUMNS):
        if column not in header:
            raise ValueError(f'line 1 has no column {column!r}')
    found: dict[str, list] = {}
    for row in rows:
        try:
            box = [float(row[column] or '') for column in COLUMNS]
        except ValueError as error:
            raise ValueError(f'line {rows.line_num}: {error}') from error
        found.setdefault(row[name], []).append(box)
    return found


def match_names(names: Iterable[str], paths: Sequence[str]) -> dict[str, str]:
    """Match the names in a file to images.

    A name matches a path that is equal or ends with it, by whole folders:
    ``a/1.jpg`` matches ``images/a/1.jpg``. The longest matching name is taken.

    Args:
        names (Iterable[str]): The names in the file.
        paths (Sequence[str]): The images.

    Returns:
        dict[str, str]: Names by path, without the paths that match no name.

    Raises:
        ValueError: If a name matches several paths.
    """
    by_end = {os.path.normpath(name): name for name in names}
    matched: dict[str, str] = {}
    for path in paths:
        parts = os.path.abspath(path).split(os.sep)
        ends = (os.sep.join(parts[i:]) for i in range(len(parts)))
        whole = os.path.normpath(path)  # may start with ..
        end = next((e for e in (whole, *ends) if e in by_end), None)
        if end is not None:
            matched[path] = by_end[end]
    taken: dict[str, str] = {}
    for path, name in matched.items():
        first = taken.setdefault(name, path)
        if first != path:
            raise ValueError(
                f'{name!r} matches {first!r} and {path!r}; write more of their '
                'folders into the file.'
            )
    return matched


def boxes_of(
    paths: Sequence[str], known: Mapping[str, np.ndarray]
) -> list[np.ndarray | None]:
    """Return the boxes of each image, or None if the file does not name it.

    Args:
        paths (Sequence[str]): The images.
        known (Mapping[str, np.ndarray]): Boxes of :func:`read_boxes`.

    Raises:
        ValueError: If a name matches several images.
    """
    matched = match_names(known, paths)
    return [known[matched[path]] if path in matched else None for path in paths]
