"""Read the boxes of faces from a file.

The file is a COCO json (``images`` with ``file_name``, ``annotations`` with
``bbox``: x, y, width and height), or a csv with a header and a line for each
face, in the columns ``file`` (or ``img_path``), ``x1``, ``y1``, ``x2`` and
``y2``. Boxes are in pixels of the image. If the json has keypoints, the boxes of
the faces that count in a training are read. If the csv has the columns ``face``
and ``keypoint``, as ``rcn-mmpose predict`` writes it, a face is one box.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from . import BROKEN
from .coco import image_names, is_crowd, is_usable, size_of
from .image_names import match_names, match_spellings
from .label_check import ORDER, SHARE, check_size
from .labels import CORNERS, corners_of, leaves_image
from .output import Failure, Result
from .text_files import TextTable, open_text

COLUMNS = ('x1', 'y1', 'x2', 'y2')
FILE = ('file', 'img_path')
OF_VIDEO = (
    'it is a file of rcn-mmpose video, whose boxes belong to frames. To predict '
    'images of the frames, write their names into the file (column file, or '
    'file_name)'
)

Found = dict[str, list[list[float]]]


class BoxFile(dict[str, np.ndarray]):
    """Boxes (x1, y1, x2, y2) by the name of the image, (N, 4).

    Attributes:
        sizes: Width and height of images by name, if the file tells them.
    """

    sizes: dict[str, tuple[float, float]]


def read_boxes(path: str) -> BoxFile:
    """Read the boxes.

    Args:
        path (str): The file, .json or .csv.

    Returns:
        BoxFile: The boxes in the order of the file. An image without an
        annotation in a json has N = 0. Single values are not checked: NaN stays
        NaN.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file has another form, or its boxes cannot be x1, y1,
            x2, y2 in pixels; the message names the line.
    """
    # File names may hold bytes that are not UTF-8.
    sizes: dict[str, tuple[float, float]] = {}
    with open_text(path, 'surrogateescape') as file:
        try:
            if path.lower().endswith('.json'):
                content = json.load(file)
                found = _from_json(content)
                for image in content['images']:
                    if any(size_of(image)):
                        sizes[image['file_name']] = size_of(image)
            elif path.lower().endswith('.csv'):
                found = _from_csv(TextTable(file))
            else:
                raise ValueError('its name ends neither in .json nor in .csv')
            if not all(isinstance(name, str) for name in found):
                raise ValueError('an image has no name')
            boxes = BoxFile(
                {n: np.array(box, float).reshape(-1, 4) for n, box in found.items()}
            )
            boxes.sizes = sizes
            _check_unit(boxes)
        except (*BROKEN, csv.Error) as error:
            what = f'{error}'
            if isinstance(error, KeyError):
                what = f'there is no {error}'
            raise ValueError(
                f'boxes {path!r}: {what}; give a COCO json with file_name and '
                'bbox, or a csv with the columns file, x1, y1, x2, y2.'
            ) from error
    return boxes


def _from_json(content: dict) -> Found:
    """Read a COCO json."""
    names = image_names(content)
    numbered = [i for i in content['images'] if 'frame' in i]
    if numbered and all(i['file_name'] == str(i['frame']) for i in numbered):
        raise ValueError(OF_VIDEO)
    sizes = {image['id']: size_of(image) for image in content['images']}
    found: Found = {name: [] for name in names.values()}
    labelled = any('keypoints' in face for face in content['annotations'])
    faces = [
        face
        for face in content['annotations']
        if (is_usable(face) if labelled else not is_crowd(face))
    ]
    given, images = [], []
    for face in faces:
        x, y, width, height = map(float, face['bbox'])
        found[names[face['image_id']]].append([x, y, x + width, y + height])
        given.append((x, y, width, height))
        images.append(sizes[face['image_id']])
    _check_order(np.array(given, float).reshape(-1, 4), images)
    for failure in content.get('failures', ()):
        # predict found no face there, which is no box, not zero boxes
        if failure['face'] is None and not found.get(failure['file_name']):
            found.pop(failure['file_name'], None)
    return found


def _from_csv(table: TextTable) -> Found:
    """Read a csv."""
    header = table.header
    name = next((column for column in FILE if column in header), FILE[0])
    for column in (name, *COLUMNS):
        if column not in header:
            if 'frame' in header:
                raise ValueError(OF_VIDEO)
            raise ValueError(f'line 1 has no column {column!r}')
    # A line for each keypoint of a face.
    several = {'face', 'keypoint'} <= set(header)
    found: Found = {}
    seen: dict[tuple[str, str], list[float]] = {}
    count = swapped = 0
    for row in table.dicts():
        box = [table.number(row[column]) for column in COLUMNS]
        if not row[name]:
            raise ValueError(f'line {table.line} names no image')
        if several:
            first = seen.setdefault((row[name], row['face']), box)
            if first is not box:
                if not np.array_equal(first, box, equal_nan=True):
                    raise ValueError(
                        f'line {table.line}: face {row["face"]} of {row[name]!r} has '
                        'another box in an earlier line'
                    )
                continue
        found.setdefault(row[name], []).append(box)
        count += 1
        swapped += box[2] < box[0] or box[3] < box[1]
    if swapped >= max(2, SHARE * count):
        raise ValueError(
            f'in {swapped} of {count} boxes x2 is less than x1, or y2 less than y1: '
            'do x2 and y2 hold width and height, or are the corners swapped?'
        )
    return found


def _check_order(boxes: np.ndarray, images: Sequence[tuple]) -> None:
    """Check that boxes of a json are not x1, y1, x2, y2."""
    sizes = np.array(images, float).reshape(-1, 2)
    negative = (boxes[:, 2:] < 0).any(1)
    within = (boxes[:, 2:] > boxes[:, :2]).all(1) & ~leaves_image(boxes, sizes, 0)
    leaves = within & leaves_image(corners_of(boxes), sizes)
    for wrong, what in (
        (negative, 'have a negative side: are the corners swapped?'),
        (leaves, f'leave their image, but fit it as {CORNERS}.'),
    ):
        if wrong.sum() >= max(1, SHARE * len(boxes)):
            raise ValueError(
                f'{wrong.sum()} of {len(boxes)} boxes, the first '
                f'{boxes[wrong][0].tolist()}, {what} {ORDER}'
            )


def _check_unit(boxes: Mapping[str, np.ndarray]) -> None:
    """Check that boxes are not fractions of the image."""
    every = np.concatenate([np.zeros((0, 4)), *boxes.values()])
    every = every[np.isfinite(every).all(1)]
    if len(every) and every.max() > 0 and (every >= -0.5).all() and every.max() <= 1.5:
        raise ValueError(
            'all boxes lie within 1 pixel: they look like fractions of the image. '
            'Multiply them by its width and height'
        )


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
    matched = match_spellings(known, paths)
    return [
        np.concatenate([known[name] for name in matched[path]])
        if path in matched
        else None
        for path in paths
    ]


def sizes_of(paths: Sequence[str], known: BoxFile) -> dict[str, tuple[float, float]]:
    """Return the sizes in the file of those images of which it tells the size."""
    matched = match_names(known.sizes, paths)
    return {path: known.sizes[name] for path, name in matched.items()}


def fail_other_sizes(
    result: Result, sizes: Mapping[str, tuple[float, float]]
) -> Result:
    """Return a result in which images of another size than in the file have failed.

    Args:
        result (Result): The result with boxes of the file.
        sizes (Mapping[str, tuple[float, float]]): Result of :func:`sizes_of`.
    """
    failures = list(result.failures)
    keypoints, confidence = result.keypoints.copy(), result.confidence.copy()
    covariance = result.covariance.copy()
    for i, image in enumerate(result.images):
        listed = sizes.get(image.name)
        try:
            if listed and min(image.size) > 0:
                check_size(image.name, listed, image.size)
        except ValueError as error:
            rows = result.image_index == i
            keypoints[rows] = covariance[rows] = np.nan
            confidence[rows] = 0
            failures = [failure for failure in failures if failure.image != i]
            failures.append(Failure(i, None, str(error)))
    return replace(
        result,
        keypoints=keypoints,
        confidence=confidence,
        covariance=covariance,
        failures=tuple(failures),
    )
