"""Datasets with five keypoints (paper, section 5): MTFL, AFLW-5 and AFW.

MTFL has 10,000 training faces. The 2,995 test faces of AFLW-5 come with MTFL. AFW
is a second test set.
"""

from __future__ import annotations

from typing import Any

from ...geometry.keypoints import (
    FIVE_LINES,
    FIVE_NAMES,
    FIVE_NORMALISERS,
    skeleton_info,
)
from ...image.colours import rgb
from ...registry import DATASETS
from .face_dataset import FaceDataset

_EYES, _MOUTH, _NOSE = rgb('yellow'), rgb('reddish_purple'), rgb('bluish_green')
# Poses by their numbers in the lists of MTFL; "left" and "right" are "turned".
POSES = dict(
    frontal=dict(field='attributes.pose', values=[3]),
    turned=dict(field='attributes.pose', values=[2, 4]),
    profile=dict(field='attributes.pose', values=[1, 5]),
)


def five_point_metainfo(dataset_name: str) -> dict:
    """Describe the five keypoints of MTFL, named as seen in the image."""
    points = (
        ('left_eye', _EYES, 'upper', 'right_eye'),
        ('right_eye', _EYES, 'upper', 'left_eye'),
        ('nose_tip', _NOSE, 'upper', ''),
        ('left_mouth_corner', _MOUTH, 'lower', 'right_mouth_corner'),
        ('right_mouth_corner', _MOUTH, 'lower', 'left_mouth_corner'),
    )
    return dict(
        dataset_name=dataset_name,
        paper_info=dict(
            author='Zhang, Zhanpeng and Luo, Ping and Loy, Chen Change and '
            'Tang, Xiaoou',
            title='Facial landmark detection by deep multi-task learning',
            container='European Conference on Computer Vision',
            year='2014',
            homepage='http://mmlab.ie.cuhk.edu.hk/projects/TCDCN.html',
        ),
        keypoint_info={
            i: dict(name=name, id=i, color=color, type=part, swap=swap)
            for i, (name, color, part, swap) in enumerate(points)
        },
        skeleton_info=skeleton_info(
            FIVE_NAMES, FIVE_LINES, [color for _, color, _, _ in points]
        ),
        joint_weights=[1.0] * 5,
        sigmas=[],
        normalisers=FIVE_NORMALISERS,
    )


@DATASETS.register_module()
class MTFLDataset(FaceDataset):
    """Training and validation faces of MTFL.

    Keypoints, named as seen in the image of an upright face: left eye, right
    eye, nose tip, left mouth corner, right mouth corner.

    The labels of the lists are 1-based, as in MATLAB: the centre of the top-left
    pixel is (1, 1). The paper does not correct this, so its keypoints and boxes are
    one pixel too far to the right and one pixel too low.

    Args:
        label_origin (int): Coordinate of the centre of the top-left pixel in the
            lists: 0 as in the paper, or 1, which corrects keypoints and boxes.
            Mirrored faces need 1: a mirrored error points in the other direction.
            Defaults to 0.

    Raises:
        ValueError: If ``label_origin`` is not 0 or 1.
    """

    METAINFO = dict(five_point_metainfo('mtfl'), face_subsets=POSES)
    PREPARE = 'python tools/dataset_converters/mtfl2coco.py data/mtfl'

    def __init__(self, *args: Any, label_origin: int = 0, **kwargs: Any) -> None:
        if label_origin not in (0, 1):
            raise ValueError(
                f'label_origin={label_origin!r}; give 0 to take the labels '
                'as they are, or 1 to count their pixels from 1.'
            )
        self.label_origin = label_origin
        super().__init__(*args, **kwargs)

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Read one face with 0-based pixels."""
        data_info = super().parse_data_info(raw_data_info)
        if data_info is not None and self.label_origin:
            for key in ('keypoints', 'bbox'):
                data_info[key] = data_info[key] - self.label_origin
        return data_info


@DATASETS.register_module()
class AFLW5Dataset(MTFLDataset):
    """The AFLW test of the paper: 5 keypoints, not the 19 of MMPose's AFLW.

    The keypoints are those of :class:`MTFLDataset`. Four faces are upside
    down and keep the order of an upright face.
    """

    METAINFO = dict(five_point_metainfo('aflw5'), face_subsets=POSES)


@DATASETS.register_module()
class AFWDataset(MTFLDataset):
    """The AFW test of the paper: 377 faces with the keypoints of MTFL."""

    METAINFO = five_point_metainfo('afw')
    PREPARE = 'python tools/dataset_converters/afw2coco.py data/afw'
