"""Images and failures of a result, and the views of its faces.

:class:`ResultViews` holds the methods of :class:`~rcn_mmpose.io.output.Result` that
a prediction does not call: parts of a result, drawings, files and tables. A view
imports its code when it is called.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..environment.renamed import renamed_property, warn_renamed

if TYPE_CHECKING:
    from .output import Result


class _NameAndSize(NamedTuple):
    """The tuple of a :class:`SourceImage`."""

    name: str
    size: tuple[int, int]


class SourceImage(_NameAndSize):
    """An image that was given to the predictor.

    Attributes:
        name: Its path; empty for an array.
        size: Width and height in pixels, (0, 0) if it could not be read.
        lent: Finds the array or ``PIL.Image`` while the caller keeps it. A result
            does not keep it, because many results would fill the memory.
    """

    lent: LentImage | None = None

    def with_lent(self, image: Any) -> SourceImage:
        """Return this image with a reference to the array or ``PIL.Image``."""
        source = SourceImage(*self)
        source.lent = LentImage(image)
        return source


class LentImage:
    """A weak reference to an image; a pickled or deep copy is None."""

    def __init__(self, image: Any) -> None:
        self.find = weakref.ref(image)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


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


class ResultViews:
    """Methods of :class:`~rcn_mmpose.io.output.Result`, which has the fields."""

    pictures = renamed_property('pictures', 'images')
    picture_index = renamed_property('picture_index', 'image_index')

    def __repr__(self: Any) -> str:
        """Describe the result in one line."""
        count, images = len(self), len(self.images)
        where = f'{images} images'
        if images == 1:
            name = os.path.basename(self.images[0].name)
            where = repr(name) if name else '1 image'
        text = f'{count} face{"s" if count != 1 else ""} in {where}'
        text += f', {len(self.names)} keypoints'
        if self.found.any():
            text += f', mean confidence {self.confidence[self.found].mean():.2f}'
        if self.failures:
            text += f', {len(self.failures)} failed'
        return f'Result({text})'

    def __getitem__(self: Any, index: Any) -> Result:
        """Return some of the faces as a result.

        Args:
            index: An integer for one face, with its image alone; or a slice, a
                boolean mask (N,) or a list of integers, with all images.

        Raises:
            IndexError: If there is no such face, or the mask has another shape.
            TypeError: If the index is of another type.
        """
        rows = face_rows(index, len(self))
        part = replace(
            self,
            keypoints=self.keypoints[rows],
            confidence=self.confidence[rows],
            covariance=self.covariance[rows],
            boxes=self.boxes[rows],
            detection_scores=self.detection_scores[rows],
            roll=self.roll[rows],
            image_index=self.image_index[rows],
            failures=failures_of(self, rows),
        )
        if isinstance(index, (int, np.integer)):
            return part.of(int(part.image_index[0]))
        return part

    def __iter__(self: Any) -> Iterator[Result]:
        """Yield a result for each face."""
        for i in range(len(self)):
            yield self[i]

    def of(self: Any, image: int) -> Result:
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
            detection_scores=self.detection_scores[rows],
            roll=self.roll[rows],
            image_index=self.image_index[rows] * 0,
            images=(self.images[image],),
            failures=tuple(
                failure._replace(image=0)
                for failure in self.failures
                if failure.image == image
            ),
        )

    def to_coco(self: Any) -> dict:
        """Return the faces with keypoints as COCO annotations, ready for json."""
        from .output import coco_annotation, coco_categories

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
            categories=coco_categories(self.names, self.lines),
        )

    def draw(
        self: Any,
        image: Any = None,
        *,
        ellipses: bool = False,
        lines: bool = True,
        box: bool = True,
        radius: float | None = None,
        numbers: bool = False,
        legend: bool = True,
    ) -> np.ndarray:
        """Draw the faces of one image.

        Args:
            image: The image: a path, a ``PIL.Image`` or an array as for a
                prediction. Defaults to the predicted image: a path is read
                again; an array must still exist, because a result does not keep
                it.
            ellipses (bool): Whether to draw ellipses with 90 % of the
                probability. Defaults to False.
            lines (bool): Whether to join the keypoints of each part of the face,
                if they are known. Defaults to True.
            box (bool): Whether to draw the boxes. Defaults to True.
            radius (float, optional): Of the dots, in pixels. Defaults to a size
                that suits each face.
            numbers (bool): Whether to write the index of each face in the
                result beside its box. Defaults to False.
            legend (bool): Whether to explain the colours, if the image is large
                enough. Defaults to True.

        Returns:
            np.ndarray: uint8 (H, W, 3) BGR.

        Raises:
            FileNotFoundError: If the image no longer exists.
            ValueError: If the result has several images, or the image is gone,
                cannot be read or has another size.
        """
        from .result_drawing import draw

        return draw(
            self,
            image,
            ellipses=ellipses,
            lines=lines,
            box=box,
            radius=radius,
            numbers=numbers,
            legend=legend,
        )

    def save(
        self: Any, path: str | os.PathLike, image: Any = None, **style: Any
    ) -> None:
        """Write the faces, or a drawing of them, to a file.

        Args:
            path (str): ``.json`` (COCO) or ``.csv``, as ``rcn-mmpose predict``
                writes them; or an image such as ``.png`` or ``.jpg``, which
                becomes the drawing of :meth:`draw`. The file is replaced
                atomically.
            image: As in :meth:`draw`.
            **style (Any): Options of :meth:`draw`.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If the ending is unknown, the file is one of the predicted
                images, or the drawing fails as in :meth:`draw`.
        """
        from .result_drawing import save

        save(self, os.fspath(path), image, **style)

    def _repr_png_(self: Any) -> bytes | None:
        """Return a drawing for a notebook; None if there is no image to draw."""
        from .result_drawing import notebook_png

        return notebook_png(self)

    def to_pandas(self: Any) -> Any:
        """Return a ``pandas.DataFrame`` with one row for each keypoint of each face.

        Columns: ``image`` and ``face`` (indices), ``file``, ``keypoint``
        (name), ``x``, ``y``, ``confidence``, ``var_x``, ``cov_xy``,
        ``var_y``.

        Raises:
            ImportError: If pandas is not installed.
        """
        from .result_tables import to_pandas

        return to_pandas(self)

    def to_supervision(self: Any) -> Any:
        """Return the faces with keypoints as ``supervision.KeyPoints``.

        Raises:
            ImportError: If supervision is not installed.
            ValueError: If there are several images.
        """
        from .result_tables import to_supervision

        return to_supervision(self)


def face_rows(index: Any, count: int) -> np.ndarray:
    """Return the rows that an index of a result selects.

    Args:
        index: An integer, a slice, a boolean mask, or a list of integers.
        count (int): Number of faces.

    Raises:
        IndexError: If a face does not exist, or a mask has another shape.
        TypeError: If the index is of another type.
    """
    rows = np.arange(count)
    if isinstance(index, slice):
        return rows[index]
    chosen = np.asarray(index)
    if chosen.size == 0 and chosen.dtype == float:  # an empty list
        chosen = chosen.astype(int)
    if isinstance(index, (bool, tuple, str)) or chosen.dtype.kind not in 'biu':
        raise TypeError(
            f'the index {index!r:.80} of a result; give an integer, a slice, a mask '
            'or a list of integers.'
        )
    if chosen.dtype == bool and chosen.shape != rows.shape:
        raise IndexError(
            f'a mask of shape {chosen.shape} for {count} faces; give one value for '
            'each face, such as result[result.confidence.mean(1) > 0.5].'
        )
    if chosen.ndim > 1:
        raise IndexError(f'an index of shape {chosen.shape}; give a list of integers.')
    if chosen.dtype != bool and not ((-count <= chosen) & (chosen < count)).all():
        raise IndexError(
            f'face {index!r:.80} of {count}; count from 0, or from -1 for the last.'
        )
    return np.atleast_1d(rows[chosen])


def failures_of(result: Any, rows: np.ndarray) -> tuple[Failure, ...]:
    """Return the failures of images, and those of some faces with their new index.

    Args:
        result (Result): All faces.
        rows (np.ndarray): The faces that stay, (M,).
    """
    before, after = numbers_in_image(result.image_index), {}
    kept = result.image_index[rows]
    for row, image, face in zip(rows, kept, numbers_in_image(kept), strict=True):
        after[int(image), int(before[row])] = int(face)
    return tuple(
        failure if failure.face is None else failure._replace(face=after[failure[:2]])
        for failure in result.failures
        if failure.face is None or failure[:2] in after
    )


def numbers_in_image(image_index: np.ndarray) -> np.ndarray:
    """Number the faces of each image from 0.

    Args:
        image_index (np.ndarray): Index of the image of each face, (N,).
    """
    numbers = np.zeros(len(image_index), np.int64)
    for image in np.unique(image_index):
        rows = image_index == image
        numbers[rows] = np.arange(rows.sum())
    return numbers
