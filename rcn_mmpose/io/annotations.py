"""Read true keypoints and their names from a COCO annotation file."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from ..geometry.keypoints import (
    FIVE_NAMES,
    FIVE_NORMALISERS,
    NAMES_68,
    TESTED_68,
    are_groups,
    current_names,
    eye_normaliser,
)
from . import BROKEN
from .coco import face_category, image_names, size_of, why_unusable
from .label_check import check_labels
from .labels import Labels
from .text_files import open_text

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
        category: The first category of the file that names keypoints.
        left_out: Numbers of annotations that do not count, by the reason.
        sizes: Width and height of the images by name, 0 if unknown.
    """

    faces: list[TrueFace]
    names: tuple[str, ...]
    category: dict[str, Any]
    left_out: dict[str, int]
    sizes: dict[str, tuple[float, float]]


def read_annotations(path: str) -> Truth:
    """Read the true keypoints of a COCO json.

    The faces are those that count in a training and in ``tools/test.py``, see
    :func:`~rcn_mmpose.io.coco.why_unusable`, and faces without a box.

    Args:
        path (str): A COCO json with ``images``, ``annotations`` and,
            optionally, ``categories``. Annotations have ``keypoints`` and,
            optionally, ``bbox``; the default box bounds the labelled
            keypoints. Annotations without ``keypoints``, such as boxes of
            persons, are left out.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file has another form or holds no face, faces have
            different numbers of keypoints, a labelled keypoint is not finite, or
            labels and images contradict each other.
    """
    left_out: Counter[str] = Counter()
    with open_text(path) as file:
        try:
            content = json.load(file)
            names = image_names(content)
            faces = []
            for annotation in content['annotations']:
                reason = why_unusable(annotation)
                if reason:
                    left_out[reason] += 1
                else:
                    faces.append(_face(annotation, names))
            category = face_category(content)
            called = tuple(category.get('keypoints', ()))
            if not all(isinstance(n, str) for n in (*names.values(), *called)):
                raise ValueError('an image or a keypoint has no name')
            eyes = category.get('eyes')
            if called and eyes:
                if not are_groups(eyes, len(called)) or len(eyes) != 2:
                    raise ValueError('eyes are not two lists of keypoints')
            sizes = {i['file_name']: size_of(i) for i in content['images']}
        except BROKEN as error:
            raise ValueError(
                f'annotations {path!r} are not a complete COCO json with keypoints '
                f'({type(error).__name__}: {error}).'
            ) from error
    counts = sorted({len(face.labelled) for face in faces})
    if len(counts) != 1:
        raise ValueError(
            f'annotations {path!r}: faces with {counts or "no"} keypoints; '
            'all must have the same number, and some must be labelled.'
        )
    if len(called) != counts[0]:
        called = tuple(f'kpt-{i}' for i in range(counts[0]))
    called = current_names(called)
    truth = Truth(faces, called, category, dict(left_out), sizes)
    try:
        check_labels(_labels(truth))
    except ValueError as error:
        raise ValueError(f'annotations {path!r}: {error}') from error
    return truth


def _face(annotation: dict, names: dict) -> TrueFace:
    """Read one usable face."""
    points = np.array(annotation['keypoints'], float).reshape(-1, 3)
    labelled = points[:, 2] > 0
    if not np.isfinite(points[labelled]).all():
        raise ValueError('a labelled keypoint is not finite')
    if 'bbox' in annotation:
        x, y, width, height = map(float, annotation['bbox'])
        box = np.array((x, y, x + width, y + height))
    else:
        inside = points[labelled, :2]
        box = np.concatenate((inside.min(0), inside.max(0)))
    return TrueFace(
        names[annotation['image_id']],
        points[:, :2],
        labelled,
        box,
        annotation,
    )


def _labels(truth: Truth) -> Labels:
    """Return the labels of all faces as arrays."""
    none = (math.nan,) * 4
    return Labels(
        [face.file for face in truth.faces],
        np.array([truth.sizes[face.file] for face in truth.faces]),
        np.array([face.keypoints for face in truth.faces]),
        np.array([face.labelled for face in truth.faces]),
        np.array([face.annotation.get('bbox', none) for face in truth.faces], float),
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
