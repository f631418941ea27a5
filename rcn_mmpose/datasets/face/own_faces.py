"""The dataset for keypoints of your own."""

from __future__ import annotations

import json
import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log

from ...geometry.keypoints import are_groups, eye_normaliser, skeleton_info
from ...image.colours import rgb
from ...io import BROKEN
from ...io.coco import face_category
from ...io.text_files import open_text
from ...registry import DATASETS
from .face_dataset import FaceDataset

FROM_FILE = ('keypoints', 'flip_pairs', 'eyes')
COLOR = rgb('sky_blue')


@DATASETS.register_module()
class OwnFaceDataset(FaceDataset):
    """Any number of keypoints from a COCO keypoint json.

    Keys that ``metainfo`` lacks are read from the first category with keypoints:
    ``keypoints``, the names; ``flip_pairs``, the pairs of indices that swap in a
    mirrored image; ``eyes``, two groups of indices. The mean of a group is the
    centre of an eye, and the distance between the centres divides the errors (the
    normaliser ``eye_points`` if each group is one keypoint, otherwise
    ``eye_centres``); ``skeleton``, the pairs that a drawing joins, counted from 1 as
    COCO does.

    Args:
        ann_file (str): The json, relative to ``data_root``.
        data_root (str): Folder of the data. Defaults to none.
        metainfo (dict, optional): ``dataset_name``, ``keypoints``,
            ``flip_pairs``, ``eyes`` and ``skeleton``, or some of them.
        **options: Arguments of MMPose's ``BaseCocoStyleDataset``.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is truncated or names no keypoints, or an index
            does not exist.
    """

    # MMPose reads this metainfo from the class, before there is a file.
    METAINFO = dict(
        dataset_name='own',
        keypoint_info={},
        skeleton_info={},
        joint_weights=[],
        sigmas=[],
    )

    def __init__(
        self,
        ann_file: str,
        data_root: str = '',
        metainfo: dict | None = None,
        **options: Any,
    ) -> None:
        meta = dict(metainfo or {})
        path = osp.join(data_root, ann_file)
        if not set(FROM_FILE) <= meta.keys():
            meta = {**_category(path), **meta}
        try:
            own = own_metainfo(
                meta.get('keypoints') or (),
                meta.get('flip_pairs') or (),
                meta.get('eyes'),
                meta.get('dataset_name', 'own'),
                meta.get('skeleton') or (),
            )
        except ValueError as error:
            raise ValueError(f'annotation file {path!r}: {error}') from error
        super().__init__(
            ann_file=ann_file, data_root=data_root, metainfo=own, **options
        )


def _category(path: str) -> dict:
    """Read the first category with keypoints of a COCO json."""
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'annotation file {path!r} does not exist; a folder of .pts files '
            'becomes one by tools/dataset_converters/pts2coco.py.'
        )
    try:
        with open_text(path) as file:
            category = face_category(json.load(file))
        keys = (*FROM_FILE, 'skeleton')
        return {key: category[key] for key in keys if key in category}
    except BROKEN as error:
        raise ValueError(
            f'annotation file {path!r} is not a complete COCO json '
            f'({type(error).__name__}: {error}).'
        ) from error


def own_metainfo(
    names: Sequence[str],
    flip_pairs: Sequence,
    eyes: Sequence | None,
    dataset_name: str,
    skeleton: Sequence = (),
) -> dict:
    """Describe keypoints in MMPose's form.

    Args:
        names (list[str]): K different names.
        flip_pairs (list): Pairs of indices; other keypoints do not swap.
        eyes (list, optional): Two groups of indices.
        dataset_name (str): Name in logs.
        skeleton (list): Pairs of keypoints to join in drawings, counted from 1. A
            list that does not fit is left out, with a warning.

    Raises:
        ValueError: If there is no name or a duplicate, or an index is outside
            0 .. K - 1 or in two pairs.
    """
    texts = isinstance(names, (list, tuple)) and all(
        isinstance(name, str) for name in names
    )
    count = len(names) if texts else 0
    if not count or len(set(names)) < count:
        raise ValueError(
            f'keypoint names {names!r:.200}: give at least one name, '
            'and no duplicates, in the category of the json or in '
            "metainfo=dict(keypoints=['...'])."
        )
    eyes = eyes or None
    fit = are_groups(flip_pairs, count) and all(len(pair) == 2 for pair in flip_pairs)
    flat = [i for pair in flip_pairs for i in pair] if fit else []
    if (
        not fit
        or len(set(flat)) < len(flat)
        or not (eyes is None or are_groups(eyes, count) and len(eyes) == 2)
    ):
        raise ValueError(
            f'flip_pairs={flip_pairs!r:.200}, eyes={eyes!r:.200}: give pairs '
            'of different indices, and two groups of indices, from 0 to '
            f'{count - 1}.'
        )
    swap = {a: b for pair in flip_pairs for a, b in (pair, pair[::-1])}
    metainfo = dict(
        dataset_name=dataset_name,
        keypoint_info={
            i: dict(
                name=name,
                id=i,
                color=COLOR,
                type='',
                swap=names[swap[i]] if i in swap else '',
            )
            for i, name in enumerate(names)
        },
        skeleton_info=skeleton_info(names, _lines(skeleton, count), [COLOR] * count),
        joint_weights=[1.0] * count,
        sigmas=[],
    )
    if eyes:
        metainfo['normalisers'] = eye_normaliser(eyes)
    return metainfo


def _lines(skeleton: Any, count: int) -> list[tuple[int, int]]:
    """Return the lines of COCO's skeleton, counted from 0."""
    if are_groups(skeleton, count + 1) and all(
        len(pair) == 2 and min(pair) > 0 for pair in skeleton
    ):
        return [(a - 1, b - 1) for a, b in skeleton]
    print_log(
        f'skeleton={skeleton!r:.200} is left out: give pairs of the {count} '
        'keypoints, counted from 1. Only drawings use it.',
        'current',
        level=30,
    )
    return []
