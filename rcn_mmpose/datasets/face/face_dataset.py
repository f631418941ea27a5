"""The base class of the face datasets: a COCO-style annotation file."""

import json
import os.path as osp
from collections import defaultdict
from copy import deepcopy

import numpy as np
from mmengine.logging import print_log
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from ...geometry.boxes import check_training_boxes
from ...io import BROKEN
from ...io.coco import check_faces, is_crowd, is_usable
from ...io.image_names import names_on_disk
from ...io.label_check import check_labels
from ...io.labels import Labels
from ...io.text_files import open_text
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

    There are six differences from MMPose's base class. A box may leave its image
    and is not clipped. The log names faces that cannot be used. Labels that
    contradict their image are an error, and images are found in other spellings
    of their names.
    ``metainfo['faces_listed']`` counts the faces of the original dataset, so that a
    test can report its coverage, and ``metainfo['list_name']`` is the description
    in the file, and ``metainfo['training_boxes']`` those of the file, see
    :mod:`rcn_mmpose.geometry.training_boxes`. The metainfo keeps normalisers,
    keypoint groups and subsets for
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
            :func:`~rcn_mmpose.io.coco.check_faces` or
            :func:`~rcn_mmpose.io.label_check.check_labels`.
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
            with open_text(self.ann_file) as file:
                content = json.load(file)
            check_faces(
                content,
                self.LISTED_KEYPOINTS or self.metainfo['num_keypoints'],
            )
            annotations = content['annotations']
            info = content.get('info', {})
            listed = sum('keypoints' in f and not is_crowd(f) for f in annotations)
            self._metainfo['faces_listed'] = info.get('faces_listed', listed)
            self._metainfo['list_name'] = info.get('description', '')
            if 'training_boxes' in info:
                check_training_boxes(info['training_boxes'])
                self._metainfo['training_boxes'] = info['training_boxes']
            without = [
                str(face['id'])
                for face in annotations
                if not {'bbox', 'keypoints'} <= face.keys()
            ]
            self._content = content
            faces = super().load_data_list() if annotations else []
        except BROKEN as error:
            raise ValueError(
                f'annotation file {self.ann_file!r} is not a complete COCO json '
                f'({type(error).__name__}: {error}).{cure}'
            ) from error
        finally:
            self.__dict__.pop('_content', None)
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
        try:
            if self.data_mode == 'topdown':
                check_labels(_labels_of(faces))
        except ValueError as error:
            raise ValueError(f'annotation file {self.ann_file!r}: {error}') from error
        return faces

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        """List faces and images of the content that was checked.

        MMPose's method reads the file again, in the encoding of the system.
        """
        self._metainfo['CLASSES'] = self._content.get('categories', [])
        of_image = defaultdict(list)
        for face in self._content['annotations']:
            of_image[face['image_id']].append(face)
        folder = self.data_prefix['img']
        names = [image['file_name'] for image in self._content['images']]
        spelt = names_on_disk(folder, names)
        faces, images = [], []
        for name, image in zip(names, self._content['images'], strict=True):
            if image['id'] % self.sample_interval:
                continue
            path = osp.join(folder, spelt.get(name, name))
            image.update(img_id=image['id'], img_path=path)
            images.append(image)
            for face in of_image[image['id']]:
                parsed = self.parse_data_info(
                    dict(raw_ann_info=face, raw_img_info=image)
                )
                if parsed:
                    faces.append(parsed)
        return faces, images

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Read one face without clipping its box."""
        data_info = super().parse_data_info(raw_data_info)
        if data_info is not None:
            x, y, w, h = raw_data_info['raw_ann_info']['bbox']
            box = np.array([[x, y, x + w, y + h]], dtype=np.float32)
            data_info['bbox'] = box
            image = raw_data_info['raw_img_info']
            data_info['listed_size'] = (image['width'], image['height'])
        return data_info

    @staticmethod
    def _is_valid_instance(data_info: dict) -> bool:
        """Whether a face counts, here as in ``rcn-mmpose evaluate``."""
        return is_usable(data_info['raw_ann_info'])

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


def _labels_of(faces: list[dict]) -> Labels:
    """Return the labels of faces of an annotation file as arrays."""
    known = [f for f in faces if 'listed_size' in f and 'raw_ann_info' in f]
    raw = [face['raw_ann_info'] for face in known]
    points = np.array([face['keypoints'] for face in raw], float)
    points = points.reshape(len(raw), -1, 3)
    return Labels(
        [face['img_path'] for face in known],
        np.array([face['listed_size'] for face in known], float),
        points[..., :2],
        points[..., 2] > 0,
        np.array([face['bbox'] for face in raw], float),
    )
