"""Files of predicted keypoints: the writer for a video, and the reader.

``rcn-mmpose video`` writes :class:`VideoPredictionFile`. The file has the form of
:class:`~rcn_mmpose.io.output.PredictionFile`, json or csv, with these differences.
In the json an image is a frame: it has ``frame`` (its number from 0) and ``time``
(seconds since the first frame), and its ``file_name`` is the number of the frame. A
face has ``track_id``, which is the same in all frames, and ``info`` has
``frames_per_second``, the rate in the header. There are no ``failures``. In the csv
the columns ``frame`` and ``time`` replace ``file``, and ``face`` is the track.

:func:`read_predictions` reads files of this package and of other programs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import NamedTuple, TextIO

import numpy as np

from . import BROKEN
from .coco import face_category, image_names, size_of
from .output import FaceFile, NumberedFace
from .text_files import TextTable, open_text


class VideoPredictionFile(FaceFile):
    """Write the faces of a video to a json or csv file, frame by frame.

    Args:
        path (str): The file, .json or .csv; its folder is made if needed.
        names (Sequence[str]): Names of the K keypoints.
        rate (float): Frames per second by the header of the video.
        stream (TextIO, optional): Takes the content in place of the file.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the file has another ending, or is a folder.
    """

    columns = dict(frame='frame', time='time')
    lists = ('images',)
    face_key = 'track_id'

    def __init__(
        self,
        path: str,
        names: Sequence[str],
        rate: float,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(path, names, stream, dict(frames_per_second=rate))

    def add(
        self, size: tuple[int, int], time: float, faces: Sequence[NumberedFace]
    ) -> None:
        """Write the next frame.

        Args:
            size (tuple[int, int]): Width and height of the frame.
            time (float): Seconds since the first frame.
            faces (Sequence[NumberedFace]): Its faces, such as
                :class:`~rcn_mmpose.tracking.tracker.TrackedFace`.
        """
        frame = self.images
        image = dict(
            file_name=str(frame),
            width=size[0],
            height=size[1],
            frame=frame,
            time=time,
        )
        self.put(image, faces)


class PredictedFace(NamedTuple):
    """One face of a file of predictions.

    Attributes:
        file: The image; in a video the number of the frame.
        keypoints: (x, y) in pixels, float64 (K, 2).
        names: Names of the keypoints; empty if the file does not tell.
        size: Width and height of the image, 0 if the file does not tell.
    """

    file: str
    keypoints: np.ndarray
    names: tuple[str, ...] = ()
    size: tuple[float, float] = (0, 0)


def read_predictions(path: str) -> list[PredictedFace]:
    """Read predicted keypoints of this package or of other programs.

    Args:
        path (str): A COCO json whose ``keypoints`` have three numbers each, or
            a csv with the columns ``file`` (or ``frame``), ``face``, ``x`` and
            ``y``, in which the K keypoints of a face follow in their order. The
            column ``keypoint`` may give their names.

    Returns:
        list[PredictedFace]: The faces.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file has another form, a face has no keypoints, or
            faces have different numbers or names of keypoints.
    """
    # File names may hold bytes that are not UTF-8.
    with open_text(path, 'surrogateescape') as file:
        try:
            if path.lower().endswith('.json'):
                faces = _from_json(json.load(file))
            else:
                faces = _from_csv(TextTable(file))
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
    if len({face.names for face in faces}) > 1:
        raise ValueError(
            f'predictions {path!r}: faces have keypoints of different names or in '
            'different orders; is the file cut short or put together?'
        )
    return faces


def _from_json(content: dict) -> list[PredictedFace]:
    """Read a COCO json."""
    images = image_names(content)
    sizes = {image['id']: size_of(image) for image in content['images']}
    names = tuple(face_category(content).get('keypoints', ()))
    if not all(isinstance(name, str) for name in names):
        raise ValueError('a keypoint has no name')
    return [
        PredictedFace(
            images[face['image_id']],
            np.array(face['keypoints'], float).reshape(-1, 3)[:, :2],
            names,
            sizes[face['image_id']],
        )
        for face in content['annotations']
    ]


def _from_csv(table: TextTable) -> list[PredictedFace]:
    """Read a csv."""
    header = table.header
    name = 'frame' if 'frame' in header and 'file' not in header else 'file'
    found: dict[tuple[str, str], list] = {}
    called: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in table.dicts():
        point = table.number(row['x']), table.number(row['y'])
        if not row[name]:
            raise ValueError(f'line {table.line} names no image')
        face = row[name], row['face']
        found.setdefault(face, []).append(point)
        if 'keypoint' in header:
            called[face] = (*called.get(face, ()), row['keypoint'])
    return [
        PredictedFace(face[0], np.array(points), called.get(face, ()))
        for face, points in found.items()
    ]
