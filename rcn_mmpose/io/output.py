"""Output: the result of a predictor, and the file of many results.

:class:`Result` holds the keypoints of faces in images. :class:`PredictionFile`
writes results to a json or csv file as they come.

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
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, TextIO, TypeVar

import numpy as np

from ..geometry.keypoints import KNOWN_LINES
from .atomic import DRAFT
from .result_views import Failure, ResultViews, SourceImage
from .text_files import safe_cell

FACE_COLUMNS = ('face', 'x1', 'y1', 'x2', 'y2')
KEYPOINT_COLUMNS = ('keypoint', 'x', 'y', 'confidence', 'var_x', 'cov_xy', 'var_y')
ENDINGS = ('.json', '.csv')
Lines = Sequence[tuple[int, int]]
# Number, box (4,), keypoints (K, 2), confidence (K,) and covariance (K, 2, 2).
AnyFaceFile = TypeVar('AnyFaceFile', bound='FaceFile')
NumberedFace = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, repr=False)
class Result(ResultViews):
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
        timing: Seconds: ``decode`` (reading), ``detect``, ``crop`` (grey, warp),
            ``network`` (with normalisation), ``other``, and ``total``, their sum.
        lines: Pairs of keypoints (indices from 0) that a drawing joins, for sets
            other than MTFL's five keypoints and 300W's 68.
        detection_scores: Score of the detector, float64 (N,); NaN if the box was
            given, or the detector has no score.
        roll: Degrees by which the first crop was rotated, clockwise, float64 (N,);
            0 for an upright crop.
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
    lines: Lines = ()
    # Given as None, they are filled in: NaN and 0.
    detection_scores: np.ndarray = None  # type: ignore[assignment]
    roll: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, unknown in (('detection_scores', np.nan), ('roll', 0.0)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(len(self), unknown))

    def __len__(self) -> int:
        """Return N, the number of faces."""
        return len(self.keypoints)

    @property
    def found(self) -> np.ndarray:
        """Mask of the faces that have keypoints, bool (N,)."""
        return np.isfinite(self.keypoints).all((1, 2))


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


def coco_categories(names: Sequence[str], lines: Lines = ()) -> list[dict[str, Any]]:
    """Return COCO's categories: one, a face with these keypoints.

    ``skeleton`` has the pairs of keypoints that a drawing joins, counted from 1.

    Args:
        names (Sequence[str]): Names of the K keypoints.
        lines (Lines): The pairs, counted from 0. Defaults to those that are
            known for these names.
    """
    lines = lines or KNOWN_LINES.get(tuple(names), ())
    skeleton = [[a + 1, b + 1] for a, b in lines]
    return [dict(id=1, name='face', keypoints=list(names), skeleton=skeleton)]


class FaceFile:
    """Write the faces of images to a json or csv file as they come.

    The faces go to a draft beside the file, which has the file's name, some
    letters and ``.tmp``. :meth:`close` moves the draft into place. An earlier file
    stays until then; it stays for good if no image could be read. As a context
    manager the class also closes the file after Ctrl-C or an error.

    A process that is killed leaves its drafts. The draft of a csv is the csv so
    far. The draft of a json is the json up to the last annotation; a second draft,
    ``.images.tmp``, has one line of json for each image and failure.

    Args:
        path (str): The file, .json or .csv; its folder is made if needed.
        names (Sequence[str]): Names of the K keypoints. Defaults to ().
        stream (TextIO, optional): Takes the content in place of the file. The
            ending of ``path`` still chooses the form.
        info (dict, optional): ``info`` of the json.

    Attributes:
        images: Number of images so far.
        faces: Number of faces so far.
        useful: Whether an image was added that could be read.
        kept: Whether an earlier file stayed, because none was.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the file has another ending, or is a folder.
    """

    columns: dict[str, str]  # of the csv, with their keys in the json
    lists: tuple[str, ...]  # of the json, after the annotations
    face_key: str | None = None  # number of a face in the json
    lines: Lines = ()  # pairs of keypoints, for sets without known lines

    def __init__(
        self,
        path: str,
        names: Sequence[str] = (),
        stream: TextIO | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        if not path.lower().endswith(ENDINGS) or os.path.isdir(path):
            raise ValueError(
                f'predictions {path!r}: give a file that ends in .json or .csv.'
            )
        self.path = path
        self.names = tuple(names)
        self.images = self.faces = 0
        self.useful = self.kept = False
        self._stream = stream
        self._drafts: list[str] = []
        self._is_csv = path.lower().endswith('.csv')
        with self._named_errors():
            # Now, because an error after hours of work would lose the work.
            self._main = stream or self._open_draft()
            if self._is_csv:
                header = (*self.columns, *FACE_COLUMNS, *KEYPOINT_COLUMNS)
                self._main.write(','.join(header) + '\n')
                return
            spool = tempfile.TemporaryFile('w+', encoding='utf-8') if stream else None
            self._rest = spool or self._open_draft('.images')
            head = f'"info": {json.dumps(info)}, ' if info else ''
            self._main.write(f'{{{head}"annotations": [')

    def __enter__(self: AnyFaceFile) -> AnyFaceFile:
        """Return the file."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the file; after an error only if an image could be read."""
        self.close(wanted=kind is None or self.useful)

    def put(self, image: dict[str, Any], faces: Iterable[NumberedFace]) -> None:
        """Write an image and its faces.

        Args:
            image (dict): ``file_name``, ``width``, ``height`` and other keys.
            faces (Iterable[NumberedFace]): Number, box (4,), keypoints (K, 2),
                confidence (K,) and covariance (K, 2, 2) of each face.
        """
        self.images += 1
        self.useful = self.useful or image['width'] > 0
        self._note('images', dict(id=self.images, **image))
        first = [image[key] for key in self.columns.values()]
        # One write for each image: Ctrl-C between two writes would leave half a face.
        text, known = io.StringIO(newline=''), self.faces
        table = csv.writer(text, lineterminator='\n')
        for number, box, keypoints, confidence, covariance in faces:
            known += 1
            variances = covariance.astype(float).reshape(-1, 4)[:, [0, 1, 3]]
            if self._is_csv:
                table.writerows(
                    map(
                        safe_cell,
                        (*first, number, *box.tolist(), name, *point, sure, *spread),
                    )
                    for name, point, sure, spread in zip(
                        self.names,
                        keypoints.tolist(),
                        confidence.tolist(),
                        variances.tolist(),
                        strict=True,
                    )
                )
                continue
            face = coco_annotation(known, self.images, box, keypoints, confidence)
            if self.face_key:
                face[self.face_key] = number
            face['keypoint_covariances'] = variances.tolist()
            text.write((',\n' if known > 1 else '\n') + json.dumps(face))
        with self._named_errors():
            self._main.write(text.getvalue())
            self._main.flush()
        self.faces = known

    def _note(self, key: str, content: dict[str, Any]) -> None:
        """Keep an entry of a list that follows the annotations."""
        if not self._is_csv:
            with self._named_errors():
                self._rest.write(json.dumps({key: content}) + '\n')
                self._rest.flush()

    def close(self, wanted: bool = True) -> None:
        """Complete the file and move it into place.

        Args:
            wanted (bool): Whether to write the file. Defaults to True.
        """
        with self._named_errors():
            if not self._is_csv:
                self._complete()
            self._main.flush()
            if self._stream:
                return
            self._main.close()
            self.kept = not self.useful and os.path.exists(self.path)
            if wanted and not self.kept:
                os.replace(self._drafts.pop(0), self.path)
            for draft in self._drafts:
                os.unlink(draft)

    def _complete(self) -> None:
        """Write the part of the json that follows the annotations."""
        self._main.write('\n]')
        for key in self.lists:
            start, separator = f'{{"{key}": ', '\n'
            self._main.write(f', "{key}": [')
            self._rest.seek(0)
            for line in self._rest:
                if line.startswith(start):
                    self._main.write(separator + line[len(start) : -2])
                    separator = ',\n'
            self._main.write('\n]')
        known = coco_categories(self.names, self.lines)
        categories = known if self.names else []
        self._main.write(f', "categories": {json.dumps(categories)}}}\n')
        self._rest.close()

    def _open_draft(self, kind: str = '') -> TextIO:
        """Open a temporary file beside the output."""
        folder, name = os.path.split(os.path.abspath(self.path))
        os.makedirs(folder, exist_ok=True)
        # A name may have 255 bytes, and a character up to 4.
        draft = f'{name[:50]}.{secrets.token_hex(8)}{kind}{DRAFT}'
        path = os.path.join(folder, draft)
        # With the permissions of the umask. A file name may hold bytes that are not
        # UTF-8.
        file = open(path, 'x+', encoding='utf-8', errors='surrogateescape', newline='')
        self._drafts.append(path)
        return file

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Let an error of the disk name the file and the results so far."""
        try:
            yield
        except OSError as error:
            if self._stream:
                raise
            left = self.images and f'; the results so far are in {self._drafts[0]!r}'
            raise OSError(
                f'{self.path!r} cannot be written: {error.strerror}{left or ""}.'
            ) from error


class PredictionFile(FaceFile):
    """Write the results of images to a json or csv file as they come.

    The arguments are those of :class:`FaceFile`.

    Attributes:
        failures: Number of failed faces and images so far.
    """

    columns = dict(file='file_name')
    lists = ('images', 'failures')
    failures = 0

    def add(self, result: Result) -> None:
        """Write the faces and failures of some images."""
        self.names, self.lines = result.names, result.lines
        found = result.found
        for i, image in enumerate(result.images):
            rows = found & (result.image_index == i)
            faces = zip(
                count(),
                result.boxes[rows],
                result.keypoints[rows],
                result.confidence[rows],
                result.covariance[rows],
                strict=False,
            )
            width, height = image.size
            self.put(dict(file_name=image.name, width=width, height=height), faces)
        for failure in result.failures:
            name = result.images[failure.image].name
            self.fail(name, failure.reason, failure.face)

    def fail(self, name: str, reason: str, face: int | None = None) -> None:
        """Write a failed image, or a failed face of an image."""
        self.failures += 1
        self._note('failures', dict(file_name=name, face=face, reason=reason))
