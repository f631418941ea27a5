"""Output: the result of a predictor, its file, and atomic file writes.

:class:`Result` holds the keypoints of faces in images. :class:`PredictionFile`
collects results and writes them as json or csv. :func:`write_whole` writes any
file atomically.

The json is COCO's, with ``images``, ``annotations`` and ``categories`` as
:meth:`Result.to_coco` returns them. Each annotation also has
``keypoint_covariances`` (K lists of var_x, cov_xy, var_y, in squared pixels).
``failures`` lists the faces and images without keypoints: ``file_name``;
``face``, an index, or null for the whole image; ``reason``.

The csv has a header and a line for each keypoint: ``file``, ``face`` (an index
from 0 of the faces with keypoints in the image), ``x1``, ``y1``, ``x2``, ``y2``
(the box), ``keypoint`` (its name), ``x``, ``y``, ``confidence``, ``var_x``,
``cov_xy``, ``var_y``. Failures have no lines.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..environment.renamed import renamed_property, warn_renamed

FACE_COLUMNS = ('face', 'x1', 'y1', 'x2', 'y2')
KEYPOINT_COLUMNS = ('keypoint', 'x', 'y', 'confidence', 'var_x', 'cov_xy', 'var_y')
ENDINGS = ('.json', '.csv')
DRAFT = '.tmp'  # ending of a temporary file that a killed process may leave


class SourceImage(NamedTuple):
    """An image that was given to the predictor.

    Attributes:
        name: Its path; empty for an array.
        size: Width and height in pixels, (0, 0) if it could not be read.
    """

    name: str
    size: tuple[int, int]


class Failure(NamedTuple):
    """A face, or a whole image, without keypoints.

    Attributes:
        image: Index of the image.
        face: Index of the box in the image, or None for the whole image.
        reason: The error, and how to fix it.
    """

    image: int
    face: int | None
    reason: str

    @property
    def picture(self) -> int:
        """Old name of ``image``."""
        warn_renamed('Failure.picture', 'Failure.image')
        return self.image


@dataclass(frozen=True)
class Result:
    """The keypoints of N faces, in the order of images and boxes.

    As in MMPose, (0, 0) is the centre of the top-left pixel.

    Attributes:
        keypoints: Positions (x, y) in pixels of the image, float32
            (N, K, 2). NaN for a failed face.
        confidence: Probability that the keypoint lies within the model's
            radius of its position, float32 (N, K) in [0, 1]; 0 for a failed
            face. The radius is 3 of the crop's 80 pixels unless the model's
            config sets another.
        covariance: Covariance of the keypoint's probability map, in squared
            pixels of the image, float32 (N, K, 2, 2). Its centre is the map's
            mean; in a calibrated model it is the keypoint. NaN for a failed
            face.
        boxes: The given or detected boxes, (x1, y1, x2, y2) in pixels,
            float64 (N, 4).
        image_index: Index of the image of each face, int64 (N,).
        images: The images.
        names: Names of the K keypoints.
        failures: Failed faces and images, with the reasons.
        timing: Seconds spent: ``crop`` (reading, grey, warp), ``network``
            (with normalisation and decoding), ``total``.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    covariance: np.ndarray
    boxes: np.ndarray
    image_index: np.ndarray
    images: tuple[SourceImage, ...]
    names: tuple[str, ...]
    failures: tuple[Failure, ...]
    timing: dict[str, float]

    pictures = renamed_property('pictures', 'images')
    picture_index = renamed_property('picture_index', 'image_index')

    def __len__(self) -> int:
        """Return N, the number of faces."""
        return len(self.keypoints)

    @property
    def found(self) -> np.ndarray:
        """Mask of the faces that have keypoints, bool (N,)."""
        return np.isfinite(self.keypoints).all((1, 2))

    def of(self, image: int) -> Result:
        """Return the faces of one image.

        Args:
            image (int): Index of the image.

        Raises:
            IndexError: If the index is out of range.
        """
        if not 0 <= image < len(self.images):
            raise IndexError(f'image {image} of {len(self.images)}; count from 0.')
        rows = self.image_index == image
        return replace(
            self,
            keypoints=self.keypoints[rows],
            confidence=self.confidence[rows],
            covariance=self.covariance[rows],
            boxes=self.boxes[rows],
            image_index=self.image_index[rows] * 0,
            images=(self.images[image],),
            failures=tuple(
                failure._replace(image=0)
                for failure in self.failures
                if failure.image == image
            ),
        )

    def to_coco(self) -> dict:
        """Return the faces with keypoints as COCO annotations, ready for json."""
        annotations = [
            coco_annotation(
                number,
                int(self.image_index[i]) + 1,
                self.boxes[i],
                self.keypoints[i],
                self.confidence[i],
            )
            for number, i in enumerate(np.flatnonzero(self.found), 1)
        ]
        return dict(
            images=[
                dict(
                    id=i + 1,
                    file_name=image.name,
                    width=image.size[0],
                    height=image.size[1],
                )
                for i, image in enumerate(self.images)
            ],
            annotations=annotations,
            categories=coco_categories(self.names),
        )

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with one row for each keypoint of each face.

        Columns: ``image`` and ``face`` (indices), ``file``, ``keypoint``
        (name), ``x``, ``y``, ``confidence``, ``var_x``, ``cov_xy``,
        ``var_y``.

        Raises:
            ImportError: If pandas is not installed.
        """
        from .result_tables import to_pandas

        return to_pandas(self)

    def to_supervision(self) -> Any:
        """Return the faces with keypoints as ``supervision.KeyPoints``.

        Raises:
            ImportError: If supervision is not installed.
            ValueError: If there are several images.
        """
        from .result_tables import to_supervision

        return to_supervision(self)


def coco_annotation(
    number: int,
    image: int,
    box: np.ndarray,
    keypoints: np.ndarray,
    confidence: np.ndarray,
) -> dict[str, Any]:
    """Return one face as a COCO annotation, ready for json.

    The box becomes (x, y, width, height). Every keypoint has the flag 2 (in
    MMPose and COCO: labelled and visible). ``keypoint_scores`` are the
    confidences, ``score`` is their mean.

    Args:
        number (int): ``id`` of the annotation.
        image (int): ``id`` of the image.
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        keypoints (np.ndarray): (x, y) in pixels, (K, 2).
        confidence (np.ndarray): In [0, 1], (K,).
    """
    x1, y1, x2, y2 = box.tolist()
    flags = np.full((len(keypoints), 1), 2.0)
    points = np.hstack((keypoints.astype(float), flags))
    return dict(
        id=number,
        image_id=image,
        category_id=1,
        bbox=[x1, y1, x2 - x1, y2 - y1],
        area=(x2 - x1) * (y2 - y1),
        iscrowd=0,
        num_keypoints=len(keypoints),
        keypoints=points.ravel().tolist(),
        keypoint_scores=confidence.astype(float).tolist(),
        score=float(confidence.mean()),
    )


def coco_categories(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return COCO's categories: one, a face with these keypoints."""
    return [dict(id=1, name='face', keypoints=list(names), skeleton=[])]


class FaceFile(ABC):
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


class PredictionFile(FaceFile):
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
            face['keypoint_covariances'] = variances_of(spread)
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
            yield from keypoint_rows(
                (name, number, x, y, x + width, y + height),
                self.content['categories'][0]['keypoints'],
                np.reshape(face['keypoints'], (-1, 3))[:, :2].tolist(),
                face['keypoint_scores'],
                face['keypoint_covariances'],
            )


def keypoint_rows(
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


def variances_of(covariance: np.ndarray) -> list[list[float]]:
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


def write_whole(path: str, content: bytes) -> None:
    """Write a file atomically: under another name, then moved into place.

    Args:
        path (str): The file; its folder is made if needed.
        content (bytes): All of its content.
    """
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, suffix=DRAFT)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
