"""Layout of the table of errors."""

from __future__ import annotations

import numpy as np
from tested_face import TRUTH, metainfo, sample

from rcn_mmpose.evaluation.error_table import ErrorTable
from rcn_mmpose.evaluation.faces import FaceResult, read_face
from rcn_mmpose.evaluation.measures import MeasurePlan
from rcn_mmpose.geometry.keypoints import GROUPS_68, NORMALISERS_68, REGIONS_68

META = metainfo(
    normalisers=dict(eyes=((0,), (1,))),
    keypoint_groups=dict(two=(0, 1)),
    keypoint_regions=dict(tip=(2,)),
    face_subsets=dict(side=dict(path='*side*')),
)


def face(name: str, shift: float, cells: bool = True) -> FaceResult:
    """A face whose first keypoint is off by a shift; the eyes are 40 apart."""
    pred = [[TRUTH[0][0] + shift, TRUTH[0][1]], *TRUTH[1:]]
    return read_face(
        sample(
            pred=pred,
            cells=[[20, 30], [40, 30], [31, 45]] if cells else None,
            img_path=f'{name}.png',
        )
    )


# The errors of the first face are 0. The second has 12 pixels / 3 keypoints / 40 =
# 10 %, and 12 / 2 / 40 = 15 % over two keypoints; the box is sqrt(40 * 30.5) wide.
EXPECTED = """\
faces  keypoints  normaliser  protocol       NME    AUC8    FR10
all    all        eyes        pixels        5.00   50.00    0.00
                              cells         0.00  100.00    0.00
                  box         pixels        5.73   50.00   50.00
                              cells         0.00  100.00    0.00
       two        eyes        pixels        7.50   50.00   50.00
                              cells         0.00  100.00    0.00
side   all        eyes        pixels       10.00    0.00    0.00
                              cells         0.00  100.00    0.00
       two        eyes        pixels       15.00    0.00  100.00
                              cells         0.00  100.00    0.00
all    tip        eyes        pixels        0.00
                              cells         0.00"""
KEYPOINTS = """
       kpt-0      eyes        pixels       15.00
                              cells         0.00
       kpt-1      eyes        pixels        0.00
                              cells         0.00
       kpt-2      eyes        pixels        0.00
                              cells         0.00"""


def test_the_layout() -> None:
    plan = MeasurePlan(META, values=('NME', 'AUC8', 'FR10'), detailed=True)
    table = ErrorTable([face('front', 0), face('side', 12)], plan)
    assert table.table() == EXPECTED
    assert table.table(each_keypoint=True) == EXPECTED + KEYPOINTS
    # the values hold more than the table
    assert any(m.name == 'NME_pixels_box_two_side' for m in table.values)


def test_the_layout_without_cells_and_details() -> None:
    plan = MeasurePlan(META, normalisers=['eyes'], values=['NME'])
    faces = [face('front', 0), face('side', 12, cells=False)]
    assert ErrorTable(faces, plan).table(each_keypoint=True) == (
        'faces  keypoints  normaliser  protocol       NME\n'
        'all    all        eyes        pixels        5.00'
    )


def test_a_subset_with_the_name_all() -> None:
    plan = MeasurePlan(META, ['eyes'], face_subsets=dict(all=dict(path='*')))
    lines = ErrorTable([face('front', 0, cells=False)], plan).table().splitlines()
    assert [line.split()[-6:-5] for line in lines[1:]] == [['pixels'], ['pixels']]


def test_68_keypoints_fit_into_a_terminal() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(30, 170, (68, 2)).tolist()
    cells = rng.integers(0, 80, (68, 2)).tolist()
    meta = metainfo(
        68,
        normalisers=NORMALISERS_68,
        keypoint_groups=GROUPS_68,
        keypoint_regions=REGIONS_68,
        face_subsets={name: dict(path='*') for name in ('common', 'challenging')},
    )
    faces = [read_face(sample(truth, truth, cells))]
    lines = ErrorTable(faces, MeasurePlan(meta, detailed=True)).table().splitlines()
    assert max(map(len, lines)) <= 90 and len(lines) <= 40
