"""The base class of the face datasets: a COCO-style annotation file."""

import json
import os.path as osp
from copy import deepcopy

import numpy as np
from mmengine.logging import print_log
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from ...io import BROKEN
from ...io.coco import check_faces
from ...registry import DATASETS

# Keys of the metainfo that MMPose's parser removes and a test needs.
FOR_TESTS = (
    'normalisers',
    'keypoint_groups',
    'keypoint_regions',
    'face_subsets',
)


@DATASETS.register_module()
class FaceDataset(BaseCocoStyleDataset):
    """Base class of the face datasets.

    There are five differences from MMPose's base class. A box may leave its image
    and is not clipped. The log names faces that cannot be used.
    ``metainfo['faces_listed']`` counts the faces of the original dataset, so that a
    test can report its coverage, and ``metainfo['list_name']`` is the description
    in the file. The metainfo keeps normalisers, keypoint groups and subsets for
    :class:`~rcn_mmpose.evaluation.face_nme.FaceNME`. With
    ``rcn_mmpose.EpochSampler`` the augmentation is reproducible.

    Subclasses define ``METAINFO`` (inline), with any of

    - ``normalisers``: two groups of keypoints by name, the main normaliser first;
      the length is the distance between the means of the groups;
    - ``keypoint_groups``, ``keypoint_regions``: keypoints by name;
    - ``face_subsets``: rules of :mod:`rcn_mmpose.evaluation.faces` by
      name;

    and ``PREPARE``, the command that makes the annotation file.

    Raises:
        FileNotFoundError: If the annotation file or the image folder is
            missing.
        ValueError: If the annotation file is truncated, lists no face, or fails
            :func:`~rcn_mmpose.io.coco.check_faces`.
    """

    PREPARE: str = ''
    # Keypoints of a face in the annotation file, if not the number of the dataset.
    LISTED_KEYPOINTS: int | None = None
    takes_epochs = True

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Parse the metainfo and keep the keys that a test needs."""
        parsed = super()._load_metainfo(metainfo)
        source = metainfo or cls.METAINFO
        kept = {key: source[key] for key in FOR_TESTS if key in source}
        return {**parsed, **deepcopy(kept)}

    def __getitem__(self, key: int | tuple[int, int, int]) -> dict:
        """Run the pipeline on a face.

        Args:
            key (int | tuple): Index of the face, or (seed, epoch, index) as
                ``rcn_mmpose.EpochSampler`` gives. The draws of the pipeline
                from NumPy's generator then depend only on these three, not on
                workers, processes or a resumed training.

        Returns:
            dict: The result of the pipeline.
        """
        if isinstance(key, tuple):
            np.random.seed(key)
            key = key[-1]
        return super().__getitem__(key)

    def load_data_list(self) -> list[dict]:
        """Load all faces, after a check that the files exist."""
        cure = f' Make it with: {self.PREPARE}' if self.PREPARE else ''
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(
                f'annotation file {self.ann_file!r} does not exist.{cure}'
            )
        folder = self.data_prefix['img']
        if not osp.isdir(folder):
            raise FileNotFoundError(
                f'image folder {folder!r} does not exist; put the dataset '
                'there, or a link to it, or set data_root and data_prefix.'
            )
        try:
            with open(self.ann_file, encoding='utf-8') as file:
                content = json.load(file)
            check_faces(
                content,
                self.LISTED_KEYPOINTS or self.metainfo['num_keypoints'],
            )
            annotations = content['annotations']
            info = content.get('info', {})
            self._metainfo['faces_listed'] = info.get('faces_listed', len(annotations))
            self._metainfo['list_name'] = info.get('description', '')
            without = [
                str(face['id'])
                for face in annotations
                if not {'bbox', 'keypoints'} <= face.keys()
            ]
            faces = super().load_data_list() if annotations else []
        except BROKEN as error:
            raise ValueError(
                f'annotation file {self.ann_file!r} is not a complete COCO json '
                f'({type(error).__name__}: {error}).{cure}'
            ) from error
        if without:
            print_log(
                f'{self.ann_file}: {len(without)} of {len(annotations)} '
                'annotations have no bbox or no keypoints and are left out: '
                f'{", ".join(without[:20])}',
                'current',
                level=30,
            )
        if not faces:
            raise ValueError(f'{self.ann_file!r} lists no face that can be used.{cure}')
        return faces

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Read one face without clipping its box."""
        data_info = super().parse_data_info(raw_data_info)
        if data_info is not None:
            x, y, w, h = raw_data_info['raw_ann_info']['bbox']
            box = np.array([[x, y, x + w, y + h]], dtype=np.float32)
            data_info['bbox'] = box
        return data_info

    def _get_topdown_data_infos(self, instance_list: list[dict]) -> list[dict]:
        """Keep the usable faces and log the others."""
        usable = super()._get_topdown_data_infos(instance_list)
        kept = {id(face) for face in usable}
        dropped = [f['img_path'] for f in instance_list if id(f) not in kept]
        if dropped:
            print_log(
                f'{self.ann_file}: {len(dropped)} of {len(instance_list)} '
                'faces have no usable box or keypoints and are left out: '
                f'{", ".join(dropped)}',
                'current',
                level=30,
            )
        return usable
