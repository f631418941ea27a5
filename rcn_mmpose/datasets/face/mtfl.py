"""MTFL: 10,000 training faces with 5 keypoints (paper, section 5)."""

from ...keypoints import FIVE_NORMALISERS
from ...registry import DATASETS
from .face_dataset import FaceDataset

_EYES, _MOUTH, _NOSE = (51, 153, 255), (255, 128, 0), (0, 255, 0)
# as MTFL's lists call the pose of each face; "left" and "right" are turned
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
        skeleton_info={},
        joint_weights=[1.0] * 5,
        sigmas=[],
        normalisers=FIVE_NORMALISERS,
    )


@DATASETS.register_module()
class MTFLDataset(FaceDataset):
    """Training and validation faces of MTFL.

    Keypoints, named as seen in the image of an upright face: left eye, right
    eye, nose tip, left mouth corner, right mouth corner.
    """

    METAINFO = dict(five_point_metainfo('mtfl'), face_subsets=POSES)
    PREPARE = 'python tools/dataset_converters/mtfl2coco.py data/mtfl'
