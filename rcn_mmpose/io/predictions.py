"""Files of predicted keypoints: the schema, its writers and its reader.

``rcn-mmpose predict`` writes :class:`PredictionFile`, ``rcn-mmpose video``
writes :class:`VideoPredictionFile`. Both have one schema, as json or csv.

The json is COCO's, with ``images``, ``annotations`` and ``categories`` as
:meth:`~rcn_mmpose.io.result.Result.to_coco` returns them. Each annotation also
has ``keypoint_covariances`` (K lists of var_x, cov_xy, var_y, in squared
pixels). Images have ``failures``: faces or images without keypoints
(``file_name``; ``face``, an index, or null for the whole image; ``reason``).
In a video an image is a frame: it has ``frame`` (its number from 0) and
``time`` (in seconds), and its ``file_name`` is the number of the frame. A face
has ``track_id``, which is the same in all frames, and ``info`` has
``frames_per_second``.

The csv has a header and a line for each keypoint: ``file`` (in a video
``frame`` and ``time``), ``face`` (an index from 0 of the faces with keypoints
in the image; in a video the track), ``x1``, ``y1``, ``x2``, ``y2`` (the box),
``keypoint`` (its name), ``x``, ``y``, ``confidence``, ``var_x``, ``cov_xy``,
``var_y``. Failures have no lines.
"""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .atomic import BROKEN, write_whole
from .result import Result, coco_annotation, coco_categories

FACE_COLUMNS = ('face', 'x1', 'y1', 'x2', 'y2')
KEYPOINT_COLUMNS = ('keypoint', 'x', 'y', 'confidence', 'var_x', 'cov_xy', 'var_y')
ENDINGS = ('.json', '.csv')
# Track, box (4,), keypoints (K, 2), confidence (K,), covariance (K, 2, 2), such
# as a :class:`~rcn_mmpose.tracking.tracker.TrackedFace`.
Tracked = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class _FaceFile(ABC):
    """A json or csv file of faces.

    Args:
        path (str): The file, .json or .csv; its folder is made if needed.

    Raises:
        OSError: If the folder cannot be made.
        ValueError: If the file has another ending, or is a folder.
    """

    image_columns: tuple[str, ...]  # of the csv, before the face

    def __init__(self, path: str) -> None:
        if not path.lower().endswith(ENDINGS) or os.path.isdir(path):
            raise ValueError(
                f'predictions {path!r}: give a file that ends in .json or .csv.'
            )
        # Now, because an error after hours of work would lose the work.
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self.path = path

    def write(self) -> None:
        """Write all faces atomically."""
        if self.path.lower().endswith('.json'):
            text = json.dumps(self.to_coco())
        else:
            text = self.csv_text()
        # A file name may hold bytes that are not UTF-8.
        write_whole(self.path, text.encode('utf-8', 'surrogateescape'))

    def csv_text(self) -> str:
        """Return the faces as csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow((*self.image_columns, *FACE_COLUMNS, *KEYPOINT_COLUMNS))
        writer.writerows(self._rows())
        return text.getvalue()

    @abstractmethod
    def to_coco(self) -> dict[str, Any]:
        """Return the faces as COCO json."""

    @abstractmethod
    def _rows(self) -> Iterator[tuple]:
        """Yield the lines of the csv."""


class PredictionFile(_FaceFile):
    """Collect results of images and write them.

    Args:
        path (str): The file, .json or .csv; its folder is made if needed.

    Raises:
        OSError: If the folder cannot be made.
        ValueError: If the file has another ending, or is a folder.
    """

    image_columns = ('file',)

    def __init__(self, path: str) -> None:
        super().__init__(path)
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
        covariance = result.covariance[result.found]
        for face, spread in zip(content['annotations'], covariance, strict=True):
            face['id'] = len(self) + 1
            face['image_id'] += images
            face['keypoint_covariances'] = _variances(spread)
            self.content['annotations'].append(face)
        for image in content['images']:
            image['id'] += images
            self.content['images'].append(image)
        self.content['categories'] = content['categories']
        for failure in result.failures:
            name = result.images[failure.image].name
            self.fail(name, failure.reason, failure.face)

    def fail(self, name: str, reason: str, face: int | None = None) -> None:
        """Add a failed image, or a failed face of an image."""
        self.content['failures'].append(dict(file_name=name, face=face, reason=reason))

    def to_coco(self) -> dict[str, Any]:
        """Return the faces as COCO json."""
        return self.content

    def _rows(self) -> Iterator[tuple]:
        """Yield the lines of the csv."""
        for name, number, face in _numbered(self.content):
            x, y, width, height = face['bbox']
            yield from _keypoint_rows(
                (name, number, x, y, x + width, y + height),
                self.content['categories'][0]['keypoints'],
                np.reshape(face['keypoints'], (-1, 3))[:, :2].tolist(),
                face['keypoint_scores'],
                face['keypoint_covariances'],
            )


class VideoPredictionFile(_FaceFile):
    """Collect the faces of a video, frame by frame, and write them.

    Args:
        path (str): The file, .json or .csv; its folder is made if needed.
        names (Sequence[str]): Names of the K keypoints.
        rate (float): Frames per second.

    Raises:
        OSError: If the folder cannot be made.
        ValueError: If the file has another ending, or is a folder.
    """

    image_columns = ('frame', 'time')

    def __init__(self, path: str, names: Sequence[str], rate: float) -> None:
        super().__init__(path)
        self.names = list(names)
        self.rate = rate
        self.sizes: list[tuple[int, int]] = []
        self.frames: list[Sequence[Tracked]] = []

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)

    def add(self, size: tuple[int, int], faces: Sequence[Tracked]) -> None:
        """Add the next frame.

        Args:
            size (tuple[int, int]): Width and height of the frame.
            faces (Sequence[Tracked]): Its faces, such as
                :class:`~rcn_mmpose.tracking.tracker.TrackedFace`.
        """
        self.sizes.append(size)
        self.frames.append(faces)

    def to_coco(self) -> dict[str, Any]:
        """Return the faces as COCO json."""
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for i, ((width, height), faces) in enumerate(
            zip(self.sizes, self.frames, strict=True)
        ):
            images.append(
                dict(
                    id=i + 1,
                    file_name=str(i),
                    width=width,
                    height=height,
                    frame=i,
                    time=i / self.rate,
                )
            )
            for track, box, keypoints, confidence, covariance in faces:
                number = len(annotations) + 1
                face = coco_annotation(number, i + 1, box, keypoints, confidence)
                face['track_id'] = track
                face['keypoint_covariances'] = _variances(covariance)
                annotations.append(face)
        return dict(
            info=dict(frames_per_second=self.rate),
            images=images,
            annotations=annotations,
            categories=coco_categories(self.names),
        )

    def _rows(self) -> Iterator[tuple]:
        """Yield the lines of the csv."""
        for i, faces in enumerate(self.frames):
            for track, box, keypoints, confidence, covariance in faces:
                yield from _keypoint_rows(
                    (i, i / self.rate, track, *box.tolist()),
                    self.names,
                    keypoints.tolist(),
                    confidence.tolist(),
                    _variances(covariance),
                )


def _keypoint_rows(
    face: tuple,
    names: Iterable[str],
    points: Iterable[list[float]],
    confidence: Iterable[float],
    variances: Iterable[list[float]],
) -> Iterator[tuple]:
    """Yield the csv lines of one face; ``face`` holds the first columns."""
    for name, point, sure, spread in zip(
        names, points, confidence, variances, strict=True
    ):
        yield (*face, name, *point, sure, *spread)


def _variances(covariance: np.ndarray) -> list[list[float]]:
    """Return var_x, cov_xy and var_y of covariances (K, 2, 2)."""
    return covariance.astype(float).reshape(-1, 4)[:, [0, 1, 3]].tolist()


def _numbered(content: dict) -> Iterator[tuple[str, int, dict]]:
    """Yield the image, the index in the image, and the annotation of each face."""
    names = {image['id']: image['file_name'] for image in content['images']}
    last, number = None, 0
    for face in content['annotations']:
        number = number + 1 if face['image_id'] == last else 0
        last = face['image_id']
        yield names[last], number, face


class PredictedFace(NamedTuple):
    """One face of a file of predictions.

    Attributes:
        file: The image; in a video the number of the frame.
        keypoints: (x, y) in pixels, float64 (K, 2).
    """

    file: str
    keypoints: np.ndarray


def read_predictions(path: str) -> list[PredictedFace]:
    """Read predicted keypoints of this package or of other programs.

    Args:
        path (str): A COCO json whose ``keypoints`` have three numbers each, or
            a csv with the columns ``file`` (or ``frame``), ``face``, ``x`` and
            ``y``, in which the K keypoints of a face follow in their order.

    Returns:
        list[PredictedFace]: The faces.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file has another form, a face has no keypoints, or
            faces have different numbers of keypoints.
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
                f'predictions {path!r}: {what}; give a file of rcn-mmpose '
                'predict or video, a COCO json with images and annotations, or '
                'a csv with the columns file, face, x, y.'
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
    header = rows.fieldnames or ()
    name = 'frame' if 'frame' in header and 'file' not in header else 'file'
    found: dict[tuple[str, str], list] = {}
    for row in rows:
        try:
            point = float(row['x'] or ''), float(row['y'] or '')
        except ValueError as error:
            raise ValueError(f'line {rows.line_num}: {error}') from error
        found.setdefault((row[name], row['face']), []).append(point)
    return [
        PredictedFace(file, np.array(points)) for (file, _), points in found.items()
    ]
