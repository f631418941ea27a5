"""Images and failures of a result, and the views of its faces.

:class:`ResultViews` holds the methods of :class:`~rcn_mmpose.io.output.Result` that
a prediction does not call. A view imports its code when it is called.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..environment.renamed import renamed_property, warn_renamed

if TYPE_CHECKING:
    from .output import Result


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


class ResultViews:
    """Methods of :class:`~rcn_mmpose.io.output.Result`, which has the fields."""

    pictures = renamed_property('pictures', 'images')
    picture_index = renamed_property('picture_index', 'image_index')

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
            image_index=self.image_index[rows] * 0,
            images=(self.images[image],),
            failures=tuple(
                failure._replace(image=0)
                for failure in self.failures
                if failure.image == image
            ),
        )

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
