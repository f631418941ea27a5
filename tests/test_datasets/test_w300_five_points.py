from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.evaluation.measures import MeasurePlan
from rcn_mmpose.registry import DATASETS

SIZE = 200


def face() -> np.ndarray:
    """68 keypoints with flags; unused keypoints are far away."""
    flat = np.full((68, 3), 2.0)
    flat[:, :2] = 190
    # The eye keypoints are different, around (80, 90) and (120, 90).
    around = [(-9, 1), (-4, -3), (4, -3), (9, 1), (4, 3), (-4, 1)]
    flat[36:42, :2] = np.array(around) + (80, 90)
    flat[42:48, :2] = np.array(around) + (120, 90)
    flat[30, :2] = 101, 110  # 1-based: 31
    flat[48, :2] = 85, 130  # 49
    flat[54, :2] = 115, 132  # 55
    return flat


def build(folder: Path, *faces: np.ndarray) -> object:
    (folder / '300w').mkdir()
    content = dict(
        images=[dict(id=1, file_name='a.png', width=SIZE, height=SIZE)],
        annotations=[
            dict(
                id=i + 1,
                image_id=1,
                category_id=1,
                bbox=[1, 2, 190, 190],
                area=36100,
                iscrowd=0,
                keypoints=flat.ravel().tolist(),
                num_keypoints=68,
                attributes=dict(part='HELEN train'),
            )
            for i, flat in enumerate(faces)
        ],
        categories=[dict(id=1, name='face')],
    )
    (folder / 'a.json').write_text(json.dumps(content))
    return DATASETS.build(
        dict(
            type='rcn_mmpose.W300FivePointsDataset',
            data_root=str(folder),
            ann_file='a.json',
            data_prefix=dict(img='300w/'),
            test_mode=True,
        )
    )


def test_five_keypoints_and_their_box(tmp_path: Path) -> None:
    near_edge = face()
    near_edge[:, :2] -= (60, 0)
    dataset = build(tmp_path, face(), near_edge)
    info = dataset.get_data_info(0)
    np.testing.assert_allclose(
        info['keypoints'],
        [[(80, 90), (120, 90), (101, 110), (85, 130), (115, 132)]],
    )
    assert info['keypoints_visible'].tolist() == [[1] * 5]
    # The distance from (100, 90) to (100, 131) is 41, more than the 40 of the eyes.
    # The larger extent is 42 in y, so the side is 42 + 2 * 0.95 * 41.
    side = 42 + 1.9 * 41
    middle = np.array([100, 111])
    expected = [*(middle - side / 2), *(middle + side / 2)]
    np.testing.assert_allclose(info['bbox'], [expected], rtol=1e-6)
    # The box is shifted into the image, as for MTFL.
    edge = dataset.get_data_info(1)['bbox'][0]
    np.testing.assert_allclose(edge[[0, 2]], [0, side], rtol=1e-6)
    assert info['raw_ann_info']['num_keypoints'] == 5


def test_a_hidden_and_a_missing_keypoint(tmp_path: Path) -> None:
    flat = face()
    flat[38, 2] = 1  # a keypoint of the left eye is hidden
    flat[30, 2] = 0
    info = build(tmp_path, flat).get_data_info(0)
    assert info['keypoints_visible'].tolist() == [[1, 1, 0, 1, 1]]
    flags = np.reshape(info['raw_ann_info']['keypoints'], (5, 3))[:, 2]
    assert flags.tolist() == [1, 2, 0, 2, 2]


def test_metainfo(tmp_path: Path) -> None:
    meta = build(tmp_path, face()).metainfo
    mtfl = DATASETS.get('MTFLDataset')(lazy_init=True, ann_file='').metainfo
    for key in ('keypoint_id2name', 'flip_indices', 'normalisers'):
        assert meta[key] == mtfl[key]
    plan = MeasurePlan(meta, detailed=True)
    assert [*plan.subsets] == ['afw', 'helen', 'lfpw']


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        (slice(None), 'face 1 in .*an eye or a mouth corner is not labelled'),
        (slice(0, 67), '67 keypoints|204 numbers'),
    ],
)
def test_incomplete_faces_are_an_error(
    tmp_path: Path, rows: slice, message: str
) -> None:
    flat = face()
    flat[54, 2] = 0
    with pytest.raises(ValueError, match=message):
        build(tmp_path, flat[rows])
