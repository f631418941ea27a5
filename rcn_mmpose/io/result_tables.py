"""Convert a result to pandas and supervision, which are optional packages.

Only :meth:`rcn_mmpose.io.result_views.ResultViews.to_pandas` and
:meth:`rcn_mmpose.io.result_views.ResultViews.to_supervision` import this module.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from .result_views import numbers_in_image

if TYPE_CHECKING:
    from .output import Result


def to_pandas(result: Result) -> Any:
    """Return a ``pandas.DataFrame`` with one row for each keypoint of each face."""
    pandas = _optional('pandas')
    count = len(result.names)
    face = numbers_in_image(result.image_index)
    files = np.array([image.name for image in result.images], object)
    covariance = result.covariance.reshape(-1, 4)
    return pandas.DataFrame(
        dict(
            image=result.image_index.repeat(count),
            file=files[result.image_index].repeat(count),
            face=face.repeat(count),
            keypoint=list(result.names) * len(result),
            x=result.keypoints[..., 0].ravel(),
            y=result.keypoints[..., 1].ravel(),
            confidence=result.confidence.ravel(),
            var_x=covariance[:, 0],
            cov_xy=covariance[:, 1],
            var_y=covariance[:, 3],
        )
    )


def to_supervision(result: Result) -> Any:
    """Return the faces with keypoints as ``supervision.KeyPoints``.

    Raises:
        ValueError: If there are several images.
    """
    if len(result.images) > 1:
        raise ValueError(
            f'{len(result.images)} images; supervision.KeyPoints hold one '
            'image. Call result.of(0).to_supervision() for the first image.'
        )
    rows = result.found
    make = _optional('supervision').KeyPoints
    # Renamed in supervision 0.29; version 0.32 removes the old name.
    known = inspect.signature(make).parameters
    name = 'keypoint_confidence'
    return make(
        xy=result.keypoints[rows],
        class_id=np.zeros(int(rows.sum()), int),
        **{name if name in known else 'confidence': result.confidence[rows]},
    )


def _optional(name: str) -> Any:
    """Import an optional package."""
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f'{name} is not installed; install it, or use the arrays of the result.'
        ) from error
