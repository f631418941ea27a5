"""Write COCO annotation files of faces, and check given ones."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..geometry.keypoints import known_lines
from .atomic import write_whole
from .labels import Labels


class Face(NamedTuple):
    """One annotated face.

    Attributes:
        file_name (str): Image, relative to the image folder.
        size (tuple[int, int]): Width and height of the image.
        keypoints (np.ndarray): Positions (x, y) in pixels, (K, 2).
        box (np.ndarray): The square to crop, (x1, y1, x2, y2).
        attributes (dict): Other attributes of the face in the dataset.
        visible (np.ndarray, optional): Mask of the visible keypoints, bool
            (K,); hidden keypoints are labelled too. Defaults to all visible.
    """

    file_name: str
    size: tuple
    keypoints: np.ndarray
    box: np.ndarray
    attributes: dict
    visible: np.ndarray | None = None


def write_faces(
    path: str,
    faces: Iterable[Face],
    keypoint_names: Sequence[str],
    faces_listed: int | None = None,
    description: str = '',
    relations: dict | None = None,
    training_boxes: Mapping[str, Mapping] | None = None,
) -> None:
    """Write an annotation file atomically.

    Args:
        path (str): File to write; its folder is made if needed.
        faces (Iterable[Face]): The faces; their order is kept.
        keypoint_names (Sequence[str]): K names.
        faces_listed (int, optional): Number of faces in the original dataset,
            if some could not be converted.
        description (str): Description of the dataset.
        relations (dict, optional): ``flip_pairs`` and ``eyes`` of the
            keypoints, for
            :class:`~rcn_mmpose.datasets.face.own_faces.OwnFaceDataset`.
        training_boxes (Mapping, optional): See
            :mod:`rcn_mmpose.geometry.training_boxes`.
    """
    faces = list(faces)
    images: dict[str, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    for face in faces:
        image = images.setdefault(
            face.file_name,
            dict(
                id=len(images) + 1,
                file_name=face.file_name,
                width=face.size[0],
                height=face.size[1],
            ),
        )
        x1, y1, x2, y2 = (round(float(v), 4) for v in face.box)
        visible = face.visible
        if visible is None:
            visible = np.ones(len(face.keypoints), bool)
        flat = []
        # COCO's flags: 2 is labelled and visible, 1 is labelled but hidden.
        for (x, y), seen in zip(face.keypoints, visible, strict=True):
            flat += [round(float(x), 4), round(float(y), 4), 1 + int(seen)]
        annotations.append(
            dict(
                id=len(annotations) + 1,
                image_id=image['id'],
                category_id=1,
                bbox=[x1, y1, round(x2 - x1, 4), round(y2 - y1, 4)],
                area=round((x2 - x1) * (y2 - y1), 4),
                keypoints=flat,
                num_keypoints=len(face.keypoints),
                iscrowd=0,
                attributes=face.attributes,
            )
        )
    content = dict(
        info=dict(
            description=description,
            faces_listed=faces_listed or len(faces),
            **(dict(training_boxes=training_boxes) if training_boxes else {}),
        ),
        images=list(images.values()),
        annotations=annotations,
        categories=[
            dict(
                id=1,
                name='face',
                keypoints=list(keypoint_names),
                skeleton=[[a + 1, b + 1] for a, b in known_lines(keypoint_names)],
                **(relations or {}),
            )
        ],
    )
    write_whole(path, json.dumps(content).encode())


def labels_of(faces: Sequence[Face]) -> Labels:
    """Return the keypoints of converted faces for a check; their boxes follow."""
    points = np.array([face.keypoints for face in faces], float)
    return Labels(
        [face.file_name for face in faces],
        np.array([face.size for face in faces], float),
        points,
        np.ones(points.shape[:2], bool),
        np.full((len(faces), 4), np.nan),
    )


def image_names(content: dict) -> dict[Any, str]:
    """Return the ``file_name`` of each image by its ``id``.

    Raises:
        ValueError: If two images have the same id.
        KeyError, TypeError, AttributeError: If the json has another form.
    """
    names: dict[Any, str] = {}
    for image in content['images']:
        if image['id'] in names:
            raise ValueError(f'image id {image["id"]!r:.50} is a duplicate')
        names[image['id']] = image['file_name']
    return names


def size_of(image: dict) -> tuple[float, float]:
    """Return width and height of an entry of ``images``; 0 if they are unknown.

    Raises:
        ValueError, TypeError: If a side is not a number.
    """
    width, height = (float(image.get(side) or 0) for side in ('width', 'height'))
    if not (1 <= width < math.inf and 1 <= height < math.inf):
        return 0, 0
    return width, height


def face_category(content: dict) -> dict[str, Any]:
    """Return the first category with names of keypoints, or else the first."""
    categories = content.get('categories') or [{}]
    return next((c for c in categories if c.get('keypoints')), categories[0])


def is_crowd(face: dict) -> bool:
    """Whether an annotation is a group of faces, which COCO calls a crowd."""
    return bool(face.get('iscrowd', 0))


def why_unusable(face: dict) -> str:
    """Return why an annotation counts neither in a training nor in a test.

    The rules are those of MMPose's datasets. In addition, a keypoint must be
    labelled, because the error of a face without one is not defined.

    Args:
        face (dict): An annotation that :func:`check_faces` accepts.

    Returns:
        str: The reason, empty for a usable face. A face without a box is
        usable, if its keypoints give the box.
    """
    if 'keypoints' not in face:
        return 'without keypoints'
    if is_crowd(face):
        return 'of a crowd'
    points = np.array(face['keypoints'], float).reshape(-1, 3)
    labelled = points[:, 2] > 0
    if not face.get('num_keypoints', 1) or not labelled.any():
        return 'without a labelled keypoint'
    if points[:, :2].max() <= 0:
        return 'with all keypoints at (0, 0)'
    if 'bbox' in face:
        x, y, width, height = map(float, face['bbox'])
        box = np.array((x, y, x + width, y + height), np.float32)
        # A negative side is not empty, but an error of the whole file.
        if min(width, height) >= 0 and (box[2:] <= box[:2]).any():
            return 'with an empty box'
    return ''


def is_usable(face: dict) -> bool:
    """Whether an annotation with a box counts in a training and in a test."""
    return 'bbox' in face and not why_unusable(face)


def check_faces(content: dict, count: int) -> None:
    """Check errors in a COCO json that MMPose ignores or drops silently.

    Args:
        content (dict): The COCO json.
        count (int): K, the number of keypoints of each face.

    Raises:
        ValueError: If an id is not a whole number or is a duplicate, an
            annotation belongs to no image, a box is not 4 finite numbers, or
            keypoints are not 3 * K finite numbers. A face may have no box or
            no keypoints. Keypoints of visibility 0 may be anywhere.
        KeyError, TypeError, AttributeError: If the json has another form.
    """
    images: set[int] = set()
    faces: set[int] = set()
    for image in content['images']:
        where = _add(image, images, 'image')
        if not isinstance(image['file_name'], str):
            raise ValueError(f'{where}: file_name is no text')
        _finite(where, 'width', _numbers(where, image, 'width'))
        _finite(where, 'height', _numbers(where, image, 'height'))
    for face in content['annotations']:
        where = _add(face, faces, 'annotation')
        if face['image_id'] not in images:
            raise ValueError(f'{where}: no image has its image_id')
        face['category_id']  # noqa: B018 - raises a KeyError if it is missing
        if 'bbox' in face and 'keypoints' in face:
            _finite(where, 'bbox', _numbers(where, face, 'bbox', 4))
            points = _numbers(where, face, 'keypoints', 3 * count)
            points = points.reshape(-1, 3)
            # The position of a keypoint of visibility 0 is ignored.
            lost = (points[:, 2] != 0) & ~_fits(points).all(-1)
            if lost.any():
                raise ValueError(
                    f'{where}: keypoints {np.flatnonzero(lost).tolist()} are '
                    'not finite; mark them with visibility 0 or correct them'
                )


def _add(entry: dict, known: set[int], kind: str) -> str:
    """Add the id of an entry to the known ids; return a name for messages."""
    number = entry['id']
    if not isinstance(number, int) or number in known:
        raise ValueError(
            f'{kind} id {number!r:.50} is not an integer or is a duplicate'
        )
    known.add(number)
    return f'{kind} {number}'


def _numbers(where: str, entry: dict, key: str, count: int | None = None) -> np.ndarray:
    """Return a number, or a list of ``count`` numbers, as an array."""
    value = np.asarray(entry[key])
    shape = () if count is None else (count,)
    if value.shape != shape or value.dtype.kind not in 'iuf':
        wanted = 'a number' if count is None else f'a list of {count} numbers'
        raise ValueError(f'{where}: {key} is not {wanted}')
    return value


def _finite(where: str, key: str, value: np.ndarray) -> None:
    """Check that numbers are finite as float32."""
    if not _fits(value).all():
        raise ValueError(f'{where}: {key} is not finite')


def _fits(value: np.ndarray) -> np.ndarray:
    """Return a mask of the numbers that are finite as float32."""
    return np.abs(value) <= np.finfo(np.float32).max
