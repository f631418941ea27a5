"""300W: 68 keypoints (paper, section 5)."""

from __future__ import annotations

from ...keypoints import NAMES_68, REGIONS_68, RELATIONS_68, TESTED_68
from ...registry import DATASETS
from .face_dataset import FaceDataset

_COLORS = dict(
    contour=(153, 153, 255),
    brows=(255, 128, 0),
    nose=(0, 255, 0),
    eyes=(51, 153, 255),
    mouth=(255, 51, 153),
)
MIRRORED = {
    a: b for pair in RELATIONS_68['flip_pairs'] for a, b in (pair, pair[::-1])
}


def _keypoint_info() -> dict:
    """Name and colour all 68."""
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


@DATASETS.register_module()
class W300Dataset(FaceDataset):
    """300W with the boxes of the paper and errors by its eye distance.

    MMPose's ``Face300WDataset`` has the same keypoints; its numbers divide
    by the distance of the outer eye corners, ours first by that of the
    midpoints of the eye corners.
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
        keypoint_info=_keypoint_info(),
        skeleton_info={},
        joint_weights=[1.0] * 68,
        sigmas=[],
        **TESTED_68,
    )
    PREPARE = 'python tools/dataset_converters/w300_to_coco.py data/300w'
