"""Files of predicted keypoints: the writer for a video, and the reader.

``rcn-mmpose video`` writes :class:`VideoPredictionFile`. The file has the form of
:class:`~rcn_mmpose.io.output.PredictionFile`, json or csv, with these differences.
In the json an image is a frame: it has ``frame`` (its number from 0) and ``time``
(in seconds), and its ``file_name`` is the number of the frame. A face has
``track_id``, which is the same in all frames, and ``info`` has
``frames_per_second``. There are no ``failures``. In the csv the columns ``frame``
and ``time`` replace ``file``, and ``face`` is the track.

:func:`read_predictions` reads files of this package and of other programs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import BROKEN
from .output import (
    FaceFile,
    coco_annotation,
    coco_categories,
    keypoint_rows,
    variances_of,
)

# Track, box (4,), keypoints (K, 2), confidence (K,), covariance (K, 2, 2), such
# as a :class:`~rcn_mmpose.tracking.tracker.TrackedFace`.
Tracked = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class VideoPredictionFile(FaceFile):
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
                face['keypoint_covariances'] = variances_of(covariance)
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
                yield from keypoint_rows(
                    (i, i / self.rate, track, *box.tolist()),
                    self.names,
                    keypoints.tolist(),
                    confidence.tolist(),
                    variances_of(covariance),
                )


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
