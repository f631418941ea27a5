"""Annotated faces for model reports, loaded by list name, file or config."""

from __future__ import annotations

import json
import os.path as osp
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...geometry.keypoints import FIVE_NAMES
from ...io import BROKEN
from ...io.coco import face_category
from ...io.text_files import open_text

# name -> dataset, annotation file, images
LISTS = dict(
    mtfl_train=('MTFLDataset', 'mtfl_train', 'mtfl/'),
    mtfl_val=('MTFLDataset', 'mtfl_val', 'mtfl/'),
    aflw5_test=('AFLW5Dataset', 'aflw5_test', 'mtfl/'),
    afw_test=('AFWDataset', 'afw_test', 'afw/'),
    **{
        f'300w_{part}': ('W300Dataset', f'300w_{part}', '300w/')
        for part in ('train', 'val', 'test', 'common', 'challenging')
    },
    **{
        f'300w_{part}_five': (
            'W300FivePointsDataset',
            f'300w_{part}',
            '300w/',
        )
        for part in ('train', 'val')
    },
)
# words in the names of annotation files with test faces
TESTS = ('test', 'common', 'challenging', 'full')


@dataclass(frozen=True)
class AnnotatedFaces:
    """Faces of a dataset with their annotations.

    Attributes:
        name: Name of the list.
        ann_file: Annotation file.
        metainfo: Metainfo of the dataset.
        faces: Faces as the datasets of MMPose return them, with ``img_path``, ``bbox``
            (1, 4), ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K),
            ``id`` and ``raw_ann_info``.
    """

    name: str
    ann_file: str
    metainfo: dict
    faces: list[dict[str, Any]]

    @property
    def is_test(self) -> bool:
        """Whether these are test faces, reserved for the final test."""
        return is_test_file(self.ann_file)

    def hidden(self, i: int) -> np.ndarray:
        """Return whether each keypoint is labelled but hidden (flag 1), bool (K,)."""
        raw = self.faces[i].get('raw_ann_info') or {}
        flags = np.reshape(raw.get('keypoints', ()), (-1, 3))[:, 2]
        return flags == 1


def is_test_file(path: str) -> bool:
    """Return whether the name of an annotation file says that it has test faces."""
    words = osp.splitext(osp.basename(path))[0].replace('-', '_').split('_')
    return any(word in TESTS for word in words)


def faces_of_list(name: str, root: str = 'data') -> AnnotatedFaces:
    """Load the faces of a list by its name.

    Args:
        name (str): A key of ``LISTS``.
        root (str): Folder of annotations and images.

    Raises:
        FileNotFoundError: If annotations or images are missing.
        ValueError: If the name is unknown.
    """
    if name not in LISTS:
        raise ValueError(
            f'data {name!r}; choose one of {", ".join(LISTS)}, or give an '
            'annotation file or a config.'
        )
    kind, ann_file, images = LISTS[name]
    return _build(
        name,
        type=f'rcn_mmpose.{kind}',
        data_root=root,
        ann_file=f'annotations/{ann_file}.json',
        data_prefix=dict(img=images),
    )


def faces_of_file(ann_file: str, images: str) -> AnnotatedFaces:
    """Load the faces of an annotation file.

    Args:
        ann_file (str): COCO json. The names of MTFL's five keypoints, and the
            number 68 of 300W, are recognised. The category must name other
            keypoints, see ``rcn_mmpose.OwnFaceDataset``.
        images (str): Folder of the images.

    Raises:
        FileNotFoundError: If the file or the folder does not exist.
        ValueError: If the file is malformed.
    """
    names = []
    if osp.isfile(ann_file):
        try:
            with open_text(ann_file) as file:
                names = face_category(json.load(file))['keypoints']
        except BROKEN:
            pass  # the dataset raises a clear error below
    kind = 'OwnFaceDataset'
    if tuple(names) == FIVE_NAMES:
        kind = 'MTFLDataset'
    elif len(names) == 68:
        kind = 'W300Dataset'
    return _build(
        osp.splitext(osp.basename(ann_file))[0],
        type=f'rcn_mmpose.{kind}',
        ann_file=ann_file,
        data_prefix=dict(img=images),
    )


def faces_of_config(path: str, part: str = 'val') -> AnnotatedFaces:
    """Load the faces of a config.

    Args:
        path (str): The config.
        part (str): ``'val'``, ``'test'`` or ``'train'``.

    Raises:
        ValueError: If the config has no data for this part.
    """
    from mmengine.config import Config

    config = Config.fromfile(path)
    loader = config.get(f'{part}_dataloader')
    if not loader or 'dataset' not in loader:
        raise ValueError(f'{path!r} has no data to {part}.')
    dataset = dict(loader['dataset'])
    name = f'{osp.splitext(osp.basename(path))[0]} {part}'
    return _build(name, **dataset)


def _build(name: str, **dataset: Any) -> AnnotatedFaces:
    """Build a dataset and list its faces."""
    from mmpose.registry import DATASETS

    built = DATASETS.build({**dataset, 'test_mode': True, 'pipeline': []})
    faces = [built.get_data_info(i) for i in range(len(built))]
    return AnnotatedFaces(name, built.ann_file, built.metainfo, faces)
