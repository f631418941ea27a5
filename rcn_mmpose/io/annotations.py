"""Read true keypoints and their names from a COCO annotation file."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from ..geometry.keypoints import (
    FIVE_NAMES,
    FIVE_NORMALISERS,
    NAMES_68,
    TESTED_68,
    are_groups,
    eye_normaliser,
)
from . import BROKEN

# COFW's and WFLW's normalisers, by the number of keypoints
EYES = {
    29: dict(outer_corners=((8,), (9,)), eye_points=((16,), (17,))),
    98: dict(
        outer_corners=((60,), (72,)),
        eye_points=((96,), (97,)),
        eye_centres=((60, 64), (68, 72)),
    ),
}


class TrueFace(NamedTuple):
    """One annotated face.

    Attributes:
        file: The image.
        keypoints: (x, y) in pixels, float64 (K, 2).
        labelled: Mask of the labelled keypoints, bool (K,).
        box: (x1, y1, x2, y2).
        annotation: The whole annotation in the file.
    """

    file: str
    keypoints: np.ndarray
    labelled: np.ndarray
    box: np.ndarray
    annotation: dict[str, Any]


class Truth(NamedTuple):
    """The content of an annotation file.

    Attributes:
        faces: Faces with at least one labelled keypoint.
        names: Names of the K keypoints.
        category: The first category of the file.
    """

    faces: list[TrueFace]
    names: tuple[str, ...]
    category: dict[str, Any]


def read_annotations(path: str) -> Truth:
    """Read the true keypoints of a COCO json.

    Args:
        path (str): A COCO json with ``images``, ``annotations`` and,
            optionally, ``categories``. Annotations have ``keypoints`` and,
            optionally, ``bbox``; the default box bounds the labelled
            keypoints.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file has another form or holds no face, faces have
            different numbers of keypoints, or a labelled keypoint is not
            finite.
    """
    with open(path, encoding='utf-8') as file:
        try:
            content = json.load(file)
            names = {i['id']: i['file_name'] for i in content['images']}
            faces = [_face(a, names) for a in content['annotations']]
            category = (content.get('categories') or [{}])[0]
            called = tuple(category.get('keypoints', ()))
            if not all(isinstance(n, str) for n in (*names.values(), *called)):
                raise ValueError('an image or a keypoint has no name')
            eyes = category.get('eyes')
            if called and eyes:
                if not are_groups(eyes, len(called)) or len(eyes) != 2:
                    raise ValueError('eyes are not two lists of keypoints')
        except BROKEN as error:
            raise ValueError(
                f'annotations {path!r} are not a complete COCO json with keypoints '
                f'({type(error).__name__}: {error}).'
            ) from error
    faces = [face for face in faces if face.labelled.any()]
    counts = sorted({len(face.labelled) for face in faces})
    if len(counts) != 1:
        raise ValueError(
            f'annotations {path!r}: faces with {counts or "no"} keypoints; '
            'all must have the same number, and some must be labelled.'
        )
    if len(called) != counts[0]:
        called = tuple(f'kpt-{i}' for i in range(counts[0]))
    return Truth(faces, called, category)


def _face(annotation: dict, names: dict) -> TrueFace:
    """Read one face."""
    points = np.array(annotation['keypoints'], float).reshape(-1, 3)
    labelled = points[:, 2] > 0
    if not np.isfinite(points[labelled]).all():
        raise ValueError('a labelled keypoint is not finite')
    if 'bbox' in annotation:
        x, y, width, height = map(float, annotation['bbox'])
        box = np.array((x, y, x + width, y + height))
    elif labelled.any():
        inside = points[labelled, :2]
        box = np.concatenate((inside.min(0), inside.max(0)))
    else:
        box = np.full(4, np.nan)
    return TrueFace(
        names[annotation['image_id']],
        points[:, :2],
        labelled,
        box,
        annotation,
    )


def describe_keypoints(
    names: tuple[str, ...], category: dict[str, Any]
) -> dict[str, Any]:
    """Describe keypoints as the metainfo of a dataset.

    Args:
        names (tuple[str, ...]): Names of the K keypoints. MTFL's five are
            known by their names; 300W's 68, COFW's 29 and WFLW's 98 by their
            number.
        category (dict): Category of the annotation file; its ``eyes``, two
            groups of indices, give the normaliser of other keypoints.

    Returns:
        dict: For :class:`~rcn_mmpose.evaluation.measures.MeasurePlan`.
    """
    meta: dict[str, Any] = dict(
        num_keypoints=len(names), keypoint_id2name=dict(enumerate(names))
    )
    if tuple(names) == FIVE_NAMES:
        meta['normalisers'] = FIVE_NORMALISERS
    elif len(names) == len(NAMES_68):
        meta.update(TESTED_68)
    elif len(names) in EYES:
        meta['normalisers'] = EYES[len(names)]
    elif category.get('eyes') and len(category.get('keypoints', ())) == len(names):
        meta['normalisers'] = eye_normaliser(category['eyes'])
    return meta
