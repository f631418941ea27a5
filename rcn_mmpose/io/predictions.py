"""Files of predicted keypoints: json as COCO has it, or csv.

The json holds ``images``, ``annotations`` and ``categories`` as
:meth:`~rcn_mmpose.io.result.Result.to_coco` returns them, for each
face also ``keypoint_covariances`` (K lists of var_x, cov_xy, var_y, in squared
pixels), and ``failures``: what has no keypoints (``file_name``, ``face``, an
index or null for all of the image, and ``reason``).

The csv has a header and a line a keypoint: ``file``, ``face`` (those of an
image with keypoints, counted from 0), ``x1``, ``y1``, ``x2``, ``y2`` (the
box), ``keypoint`` (its name), ``x``, ``y``, ``confidence``, ``var_x``,
``cov_xy``, ``var_y``. It has no lines of what failed.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .atomic import BROKEN, write_whole
from .result import Result

BEFORE = ('file', 'face', 'x1', 'y1', 'x2', 'y2')
AFTER = ('keypoint', 'x', 'y', 'confidence', 'var_x', 'cov_xy', 'var_y')
ENDINGS = ('.json', '.csv')


class PredictionFile:
    """Collects results and writes them.

    Args:
        path (str): The file, .json or .csv; its folder is made if needed.

    Raises:
        OSError: If the folder cannot be made.
        ValueError: If it has another ending, or is a folder.
    """

    def __init__(self, path: str) -> None:
        if not path.lower().endswith(ENDINGS) or os.path.isdir(path):
            raise ValueError(
                f'predictions {path!r}: give a file that ends in .json or .csv.'
            )
        # not after hours of work
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self.path = path
        self.content: dict[str, list] = dict(
            images=[], annotations=[], categories=[], failures=[]
        )

    def __len__(self) -> int:
        """Return the number of faces with keypoints."""
        return len(self.content['annotations'])

    def add(self, result: Result) -> None:
        """Add the faces and failures of some images."""
        content = result.to_coco()
        images = len(self.content['images'])
        covariance = result.covariance[result.found].astype(float)
        for face, spread in zip(content['annotations'], covariance, strict=True):
            face['id'] = len(self) + 1
            face['image_id'] += images
            spread = spread.reshape(-1, 4)[:, [0, 1, 3]]
            face['keypoint_covariances'] = spread.tolist()
            self.content['annotations'].append(face)
        for image in content['images']:
            image['id'] += images
            self.content['images'].append(image)
        self.content['categories'] = content['categories']
        for failure in result.failures:
            name = result.images[failure.image].name
            self.fail(name, failure.reason, failure.face)

    def fail(self, name: str, reason: str, face: int | None = None) -> None:
        """Add an image, or one of its faces, that failed."""
        self.content['failures'].append(dict(file_name=name, face=face, reason=reason))

    def write(self) -> None:
        """Write all that was added; the file appears whole."""
        if self.path.lower().endswith('.json'):
            text = json.dumps(self.content)
        else:
            text = self.csv_text()
        # names of files need not be text
        write_whole(self.path, text.encode('utf-8', 'surrogateescape'))

    def csv_text(self) -> str:
        """Return the faces as csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow((*BEFORE, *AFTER))
        for name, number, face in _numbered(self.content):
            x, y, width, height = face['bbox']
            points = np.reshape(face['keypoints'], (-1, 3))[:, :2].tolist()
            names = self.content['categories'][0]['keypoints']
            for row in zip(
                names,
                points,
                face['keypoint_scores'],
                face['keypoint_covariances'],
                strict=True,
            ):
                keypoint, point, confidence, spread = row
                writer.writerow(
                    (name, number, x, y, x + width, y + height)
                    + (keypoint, *point, confidence, *spread)
                )
        return text.getvalue()


def _numbered(content: dict) -> Iterator[tuple[str, int, dict]]:
    """Go through the faces, with image and number in it."""
    names = {image['id']: image['file_name'] for image in content['images']}
    last, number = None, 0
    for face in content['annotations']:
        number = number + 1 if face['image_id'] == last else 0
        last = face['image_id']
        yield names[last], number, face


class PredictedFace(NamedTuple):
    """One face of a file of predictions.

    Attributes:
        file: The image.
        keypoints: (x, y) in pixels, float64 (K, 2).
    """

    file: str
    keypoints: np.ndarray


def read_predictions(path: str) -> list[PredictedFace]:
    """Read predicted keypoints, also of other programs.

    Args:
        path (str): A COCO json whose ``keypoints`` have three numbers each, or
            a csv with the columns ``file``, ``face``, ``x`` and ``y``, in
            which the K keypoints of a face follow each other in their order.

    Returns:
        list[PredictedFace]: The faces.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no such file, or faces have different numbers of
            keypoints, or none.
    """
    with open(path, encoding='utf-8', errors='surrogateescape', newline='') as file:
        try:
            if path.lower().endswith('.json'):
                faces = _from_json(json.load(file))
            else:
                faces = _from_csv(csv.DictReader(file))
            if not all(isinstance(face.file, str) for face in faces):
                raise ValueError('an image has no name')
        except (*BROKEN, csv.Error) as error:
            what = f'{error}'
            if isinstance(error, KeyError):
                what = f'there is no {error}'
            raise ValueError(
                f'predictions {path!r}: {what}; give what rcn-mmpose predict '
                'writes, a COCO json with images and annotations, or a csv '
                'with the columns file, face, x, y.'
            ) from error
    counts = sorted({len(face.keypoints) for face in faces})
    if len(counts) > 1 or counts == [0]:
        raise ValueError(
            f'predictions {path!r}: faces have {counts} keypoints; is the '
            'file cut short?'
        )
    return faces


def _from_json(content: dict) -> list[PredictedFace]:
    """Read a COCO json."""
    names = {image['id']: image['file_name'] for image in content['images']}
    return [
        PredictedFace(
            names[face['image_id']],
            np.array(face['keypoints'], float).reshape(-1, 3)[:, :2],
        )
        for face in content['annotations']
    ]


def _from_csv(rows: csv.DictReader) -> list[PredictedFace]:
    """Read a csv."""
    found: dict[tuple[str, str], list] = {}
    for row in rows:
        try:
            point = float(row['x'] or ''), float(row['y'] or '')
        except ValueError as error:
            raise ValueError(f'line {rows.line_num}: {error}') from error
        found.setdefault((row['file'], row['face']), []).append(point)
    return [
        PredictedFace(file, np.array(points)) for (file, _), points in found.items()
    ]
