"""Writing COCO-style annotation files of faces, and checking others."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .atomic import write_whole


class Face(NamedTuple):
    """One annotated face.

    Attributes:
        file_name (str): Image, relative to the image folder.
        size (tuple[int, int]): Width and height of the image.
        keypoints (np.ndarray): Positions (x, y) in pixels, (K, 2).
        box (np.ndarray): The square to crop, (x1, y1, x2, y2).
        attributes (dict): Whatever else the dataset says of the face.
        visible (np.ndarray, optional): Which keypoints are in sight, (K,),
            bool; the others are labelled nevertheless. By default all.
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
) -> None:
    """Write an annotation file; it appears whole or not at all.

    Args:
        path (str): File to write; its folder is made if needed.
        faces (Iterable[Face]): In the order to be kept.
        keypoint_names (Sequence[str]): K names.
        faces_listed (int, optional): Faces that the original dataset lists,
            if some could not be converted.
        description (str): What these faces are.
        relations (dict, optional): ``flip_pairs`` and ``eyes`` of the
            keypoints, for :class:`~.OwnFaceDataset`.
    """
    faces = list(faces)
    images = {}
    annotations = []
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
        # COCO: 2 is labelled and visible, 1 labelled but hidden
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
        ),
        images=list(images.values()),
        annotations=annotations,
        categories=[
            dict(
                id=1,
                name='face',
                keypoints=list(keypoint_names),
                skeleton=[],
                **(relations or {}),
            )
        ],
    )
    write_whole(path, json.dumps(content).encode())


def check_faces(content: dict, count: int) -> None:
    """Check what MMPose takes for granted, or would drop in silence.

    Args:
        content (dict): Of a COCO json.
        count (int): K, the keypoints of each face.

    Raises:
        ValueError: If an id is no whole number or stands twice, an annotation
            belongs to no image, or a box or keypoints are not 4 and 3 * K
            finite numbers (a face may be without; keypoints of visibility 0
            may be anywhere).
        KeyError, TypeError, AttributeError: If the json has another form.
    """
    images, faces = set(), set()
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
        face['category_id']  # noqa: B018 - a KeyError tells
        if 'bbox' in face and 'keypoints' in face:
            _finite(where, 'bbox', _numbers(where, face, 'bbox', 4))
            points = _numbers(where, face, 'keypoints', 3 * count)
            points = points.reshape(-1, 3)
            # a keypoint of visibility 0 need not be anywhere
            lost = (points[:, 2] != 0) & ~_fits(points).all(-1)
            if lost.any():
                raise ValueError(
                    f'{where}: keypoints {np.flatnonzero(lost).tolist()} are '
                    'not finite; mark them with visibility 0 or correct them'
                )


def _add(entry: dict, known: set[int], kind: str) -> str:
    """Add an entry's id to those known; return what it is called."""
    number = entry['id']
    if not isinstance(number, int) or number in known:
        raise ValueError(f'{kind} id {number!r:.50} is no whole number or stands twice')
    known.add(number)
    return f'{kind} {number}'


def _numbers(where: str, entry: dict, key: str, count: int | None = None) -> np.ndarray:
    """Return a number, or a list of so many, as an array."""
    value = np.asarray(entry[key])
    shape = () if count is None else (count,)
    if value.shape != shape or value.dtype.kind not in 'iuf':
        wanted = 'a number' if count is None else f'a list of {count} numbers'
        raise ValueError(f'{where}: {key} is not {wanted}')
    return value


def _finite(where: str, key: str, value: np.ndarray) -> None:
    """Refuse NaN and what float32 does not hold."""
    if not _fits(value).all():
        raise ValueError(f'{where}: {key} is not finite')


def _fits(value: np.ndarray) -> np.ndarray:
    """Tell which numbers are finite as float32."""
    return np.abs(value) <= np.finfo(np.float32).max
