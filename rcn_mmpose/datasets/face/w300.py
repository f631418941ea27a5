"""300W with its 68 keypoints, or reduced to the five of MTFL (paper, section 5)."""

from __future__ import annotations

import numpy as np

from ...geometry.boxes import box_from_eyes_and_mouth
from ...geometry.keypoints import (
    LINES_68,
    NAMES_68,
    REGIONS_68,
    RELATIONS_68,
    TESTED_68,
    five_from_68,
    skeleton_info,
)
from ...image.colours import rgb
from ...registry import DATASETS
from .face_dataset import FaceDataset
from .mtfl import five_point_metainfo

_COLORS = dict(
    contour=rgb('sky_blue'),
    brows=rgb('orange'),
    nose=rgb('bluish_green'),
    eyes=rgb('yellow'),
    mouth=rgb('reddish_purple'),
)
MIRRORED = {a: b for pair in RELATIONS_68['flip_pairs'] for a, b in (pair, pair[::-1])}


def _keypoint_info() -> dict[int, dict]:
    """Return names, colours and mirror pairs of the 68 keypoints."""
    info = {}
    for region, indices in REGIONS_68.items():
        for i in indices:
            swap = NAMES_68[MIRRORED[i]] if i in MIRRORED else ''
            info[i] = dict(
                name=NAMES_68[i],
                id=i,
                color=_COLORS[region],
                type='lower' if region == 'mouth' else 'upper',
                swap=swap,
            )
    return info


_KEYPOINTS = _keypoint_info()


@DATASETS.register_module()
class W300Dataset(FaceDataset):
    """300W with the boxes and the eye distance of the paper.

    MMPose's ``Face300WDataset`` has the same keypoints, named ``kpt-0`` to
    ``kpt-67``; here a name has the part of the face, such as ``left_eye_1``.
    MMPose divides errors by the distance between the outer eye corners. Here the
    main normaliser is the distance between the midpoints of the eye corners.
    """

    METAINFO = dict(
        dataset_name='300w',
        paper_info=dict(
            author='Sagonas, Christos and Tzimiropoulos, Georgios and '
            'Zafeiriou, Stefanos and Pantic, Maja',
            title='300 faces in-the-wild challenge: the first facial '
            'landmark localization challenge',
            container='ICCV workshops',
            year='2013',
            homepage='https://ibug.doc.ic.ac.uk/resources/300-W/',
        ),
        keypoint_info=_KEYPOINTS,
        skeleton_info=skeleton_info(
            NAMES_68, LINES_68, [_KEYPOINTS[i]['color'] for i in range(68)]
        ),
        joint_weights=[1.0] * 68,
        sigmas=[],
        **TESTED_68,
    )
    PREPARE = 'python tools/dataset_converters/w300_to_coco.py data/300w'


PARTS = ('AFW', 'HELEN train', 'LFPW train')
# The keypoints of 300W (counted from 0) that make up each of the five.
SOURCES = (range(36, 42), range(42, 48), (30,), (48,), (54,))


@DATASETS.register_module()
class W300FivePointsDataset(FaceDataset):
    """Faces of 300W for networks of five keypoints that saw other faces.

    Reads the annotation files of :class:`W300Dataset`. The five keypoints
    are MTFL's: the eyes' centres (each the mean of the eye's six keypoints),
    the nose tip (31, counted from 1), the mouth corners (49 and 55); see
    :func:`rcn_mmpose.geometry.keypoints.five_from_68`. A keypoint of the five is
    labelled if all its sources are labelled.

    The box is that of MTFL, computed from the five keypoints by
    :func:`~rcn_mmpose.geometry.boxes.box_from_eyes_and_mouth`. Faces then fill the
    crop as in the training of the network.

    Raises:
        ValueError: If a face does not have 68 keypoints, or an eye or a mouth
            corner, which the box needs, is not labelled.
    """

    METAINFO = dict(
        five_point_metainfo('300w_five_points'),
        face_subsets={
            name.split()[0].lower(): dict(field='attributes.part', values=[name])
            for name in PARTS
        },
    )
    PREPARE = W300Dataset.PREPARE
    LISTED_KEYPOINTS = 68

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Read one face and reduce it to five keypoints."""
        face = raw_data_info['raw_ann_info']
        image = raw_data_info['raw_img_info']
        where = f'face {face.get("id")} in {image["img_path"]!r}'
        if len(face['keypoints']) != 68 * 3:
            raise ValueError(
                f'{where} has {len(face["keypoints"]) // 3} keypoints; give '
                "an annotation file of 300W's 68."
            )
        flat = np.array(face['keypoints'], np.float64).reshape(68, 3)
        five = five_from_68(flat[:, :2])
        flags = [flat[list(source), 2].min() for source in SOURCES]
        if not all(flags[i] for i in (0, 1, 3, 4)):
            raise ValueError(
                f'{where}: an eye or a mouth corner is not labelled, and '
                'the box needs them; remove the face from the file.'
            )
        size = image['width'], image['height']
        x1, y1, x2, y2 = box_from_eyes_and_mouth(five, size).tolist()
        reduced = dict(
            face,
            keypoints=np.column_stack((five, flags)).ravel().tolist(),
            num_keypoints=int(np.count_nonzero(flags)),
            bbox=[x1, y1, x2 - x1, y2 - y1],
            area=(x2 - x1) * (y2 - y1),
        )
        return super().parse_data_info(dict(raw_data_info, raw_ann_info=reduced))
