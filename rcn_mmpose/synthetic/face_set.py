"""A dataset of synthetic faces on disk: images and annotations.

Faces are rendered in small parts. Every finished part has a record with the
keypoints and the checksum of each image. An interrupted run resumes from the
records.
"""

import json
import os
import zlib
from typing import NamedTuple

import cv2
import numpy as np

from ..geometry.boxes import box_from_keypoints, training_rule
from ..geometry.keypoints import (
    FIVE_NAMES,
    FIVE_RELATIONS,
    NAMES_68,
    RELATIONS_68,
)
from ..geometry.training_boxes import EXTENT, EYES_AND_MOUTH
from ..io.atomic import DRAFT, write_whole
from ..io.coco import Face, write_faces
from .render import render_face
from .streams import child

SPLITS = ('train', 'val', 'test')
PART = 10  # faces of a part
# Images of another version are rendered again.
VERSION = 1


class Part(NamedTuple):
    """Consecutive faces of a split.

    Attributes:
        folder (str): Folder of the dataset.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        start (int): Number of the first face.
        stop (int): Number after the last face.
        seed (int): Seed of the dataset.
        size (int): Side of the images in pixels.
    """

    folder: str
    split: str
    start: int
    stop: int
    seed: int
    size: int

    def image(self, index: int) -> str:
        """Return the path of an image.

        Args:
            index (int): Number of the face.

        Returns:
            str: Path.
        """
        name = file_name(index)
        return os.path.join(self.folder, 'images', self.split, name)

    def record(self) -> str:
        """Return the path of the part's record.

        Returns:
            str: Path.
        """
        name = f'{self.split}_{self.start:06d}_{self.stop:06d}.json'
        return os.path.join(self.folder, 'records', name)


def file_name(index: int) -> str:
    """Return the file name of an image.

    Args:
        index (int): Number of the face.

    Returns:
        str: Name without folders.
    """
    return f'{index:06d}.jpg'


def seed_of(seed: int, split: str, index: int) -> np.random.SeedSequence:
    """Return the seed of one face.

    The seed depends on the arguments alone, so workers and the size of the
    dataset do not change a face.

    Args:
        seed (int): Seed of the dataset.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        index (int): Number of the face.

    Returns:
        np.random.SeedSequence: For
        :func:`~rcn_mmpose.synthetic.render.render_face`.
    """
    root = np.random.SeedSequence(seed)
    return child(root, SPLITS.index(split), index)


def parts_of(folder: str, split: str, count: int, seed: int, size: int) -> list[Part]:
    """Divide a split into parts.

    Args:
        folder (str): Folder of the dataset.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        count (int): Number of faces.
        seed (int): Seed of the dataset.
        size (int): Side of the images in pixels.

    Returns:
        list[Part]: In order.
    """
    return [
        Part(folder, split, k, min(k + PART, count), seed, size)
        for k in range(0, count, PART)
    ]


def make_part(part: Part) -> int:
    """Render the missing images of a part and write its record.

    Args:
        part (Part): The faces.

    Returns:
        int: Number of rendered images.
    """
    cv2.setNumThreads(1)
    faces = read_record(part) or {}
    rendered = 0
    try:
        for index in range(part.start, part.stop):
            entry = faces.get(str(index))
            if entry is None or _crc(part.image(index)) != entry['crc']:
                faces[str(index)] = _render(part, index)
                rendered += 1
    finally:
        if rendered:
            faces = {key: faces[key] for key in sorted(faces, key=int)}
            content = dict(version=VERSION, seed=part.seed, size=part.size, faces=faces)
            write_whole(part.record(), json.dumps(content).encode())
    return rendered


def remove_drafts(folder: str) -> None:
    """Remove the unfinished files of a killed run.

    Args:
        folder (str): Folder of the dataset.
    """
    for name in ('images', 'records'):
        for place, _, files in os.walk(os.path.join(folder, name)):
            for file in files:
                if file.endswith(DRAFT):
                    os.unlink(os.path.join(place, file))


def read_record(part: Part) -> dict | None:
    """Read the record of a part.

    Args:
        part (Part): The faces.

    Returns:
        dict | None: Entries by face number; None if there is no record, or
        if the record has another seed, size or version.
    """
    try:
        with open(part.record(), encoding='utf-8') as file:
            content = json.load(file)
        found = (content['version'], content['seed'], content['size'])
        wanted = (VERSION, part.seed, part.size)
        return content['faces'] if found == wanted else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_annotations(folder: str, split: str, parts: list[Part], points: int) -> str:
    """Write the annotation file of a split from the records of its parts.

    Args:
        folder (str): Folder of the dataset.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        parts (list[Part]): All parts of the split, finished.
        points (int): Number of keypoints, 5 or 68.

    Returns:
        str: Path of the annotation file.

    Raises:
        FileNotFoundError: If a part has no record.
    """
    path = os.path.join(folder, 'annotations', f'{split}_{points}.json')
    write_faces(
        path,
        _faces(parts, points),
        FIVE_NAMES if points == 5 else NAMES_68,
        description=f'synthetic faces, {split}, seed {parts[0].seed}',
        relations=FIVE_RELATIONS if points == 5 else RELATIONS_68,
        training_boxes=EYES_AND_MOUTH if points == 5 else EXTENT,
    )
    return path


def _faces(parts: list[Part], points: int) -> list[Face]:
    """Return the annotated faces of some parts."""
    faces = []
    for part in parts:
        record = read_record(part)
        if record is None:
            raise FileNotFoundError(
                f'{part.record()!r} does not exist or belongs to another '
                'dataset; render the part again.'
            )
        for index in range(part.start, part.stop):
            entry = record[str(index)]
            keypoints = np.array(entry[f'keypoints_{points}'])
            size = (part.size, part.size)
            box = box_from_keypoints(training_rule(points), keypoints, size)
            faces.append(
                Face(
                    file_name(index),
                    size,
                    keypoints,
                    box,
                    entry['attributes'],
                    np.array(entry[f'visible_{points}'], bool),
                )
            )
    return faces


def _render(part: Part, index: int) -> dict:
    """Render a face, write its image and return its entry of the record."""
    face = render_face(seed_of(part.seed, part.split, index), part.size)
    write_whole(part.image(index), face.jpeg)
    return dict(
        crc=zlib.crc32(face.jpeg),
        keypoints_5=np.round(face.five, 4).tolist(),
        visible_5=face.five_visible.astype(int).tolist(),
        keypoints_68=np.round(face.keypoints, 4).tolist(),
        visible_68=face.visible.astype(int).tolist(),
        attributes=face.attributes,
    )


def _crc(path: str) -> int | None:
    """Return the checksum of a file, None if it cannot be read."""
    try:
        with open(path, 'rb') as file:
            return zlib.crc32(file.read())
    except OSError:
        return None
