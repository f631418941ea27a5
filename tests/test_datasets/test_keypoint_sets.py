"""The metainfo of the datasets: names, pairs and eyes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from rcn_mmpose.datasets.face.own_faces import own_metainfo
from rcn_mmpose.geometry.keypoints import (
    FIVE_NAMES,
    NAMES_68,
    NUMBERED_68,
    RELATIONS_68,
    current_names,
    five_from_68,
    known_lines,
)
from rcn_mmpose.image.colours import OKABE_ITO, rgb
from rcn_mmpose.io.coco import write_faces
from rcn_mmpose.registry import DATASETS

NAMES = ['left', 'right', 'tip']


def test_flip_pairs_of_300w_equal_those_of_mmpose() -> None:
    import mmpose

    path = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets'
    theirs = Config.fromfile(str(path / '300w.py')).dataset_info
    ours = DATASETS.get('W300Dataset').METAINFO
    assert len(ours['keypoint_info']) == 68
    ours_by_theirs = dict(zip(NUMBERED_68, NAMES_68, strict=True)) | {'': ''}
    for i, keypoint in theirs['keypoint_info'].items():
        assert keypoint['name'] == NUMBERED_68[i]
        swap = ours_by_theirs[keypoint['swap']]
        assert ours['keypoint_info'][i]['swap'] == swap


def test_names_of_the_68() -> None:
    """Parts and numbers, left and right as seen in the image."""
    assert len(set(NAMES_68)) == 68
    # Indices of the figure of 300W, which counts from 1: chin 9, left end of the
    # left eyebrow 18, nose tip 31, outer corner of the left eye 37, left mouth
    # corner 49, left inner mouth corner 61, last keypoint 68.
    named = {
        9: 'jaw_9',
        18: 'left_eyebrow_1',
        27: 'right_eyebrow_5',
        31: 'nose_bridge_4',
        34: 'nose_base_3',
        37: 'left_eye_1',
        43: 'right_eye_1',
        49: 'outer_lip_1',
        61: 'inner_lip_1',
        68: 'inner_lip_8',
    }
    assert {number: NAMES_68[number - 1] for number in named} == named
    for a, b in RELATIONS_68['flip_pairs']:
        for side, other in (('left', 'right'), ('right', 'left')):
            if NAMES_68[a].startswith(side):
                assert NAMES_68[b].startswith(other)


def test_names_of_older_files_become_todays() -> None:
    assert current_names(list(NUMBERED_68)) == NAMES_68
    assert current_names(NAMES_68) == NAMES_68
    assert current_names(NUMBERED_68[:29]) == NUMBERED_68[:29]
    assert current_names(NAMES) == tuple(NAMES)


def test_lines_join_the_neighbours_of_a_part() -> None:
    lines = known_lines(NAMES_68)
    assert known_lines(NUMBERED_68) == lines and known_lines(NAMES) == ()
    # Open: 17, 5, 5, 4 and 5 keypoints; closed: 6, 6, 12 and 8.
    assert len(lines) == 16 + 4 + 4 + 3 + 4 + 6 + 6 + 12 + 8
    parts = [[NAMES_68[i].rsplit('_', 1)[0] for i in line] for line in lines]
    assert all(a == b for a, b in parts)
    assert {(36, 37), (41, 36), (59, 48), (67, 60)} <= set(lines)
    assert not {(16, 0), (16, 17), (21, 22)} & set(lines)
    # A mirrored image has the same lines.
    mirror = {
        a: b for pair in RELATIONS_68['flip_pairs'] for a, b in (pair, pair[::-1])
    }
    joined = {frozenset(line) for line in lines}
    assert {frozenset(mirror.get(i, i) for i in line) for line in lines} == joined
    swap = {0: 1, 1: 0, 3: 4, 4: 3}
    joined = {frozenset(line) for line in known_lines(FIVE_NAMES)}
    assert {frozenset(swap.get(i, i) for i in line) for line in joined} == joined


def test_five_of_68() -> None:
    points = np.arange(136.0).reshape(68, 2)
    five = five_from_68(points)
    # Keypoint i is at (2 i, 2 i + 1); the eyes are 36-41 and 42-47.
    np.testing.assert_array_equal(five[:, 0], [77, 89, 60, 96, 108])
    np.testing.assert_array_equal(five[:, 1], five[:, 0] + 1)


def own_json(root: Path, **category: object) -> Path:
    (root / 'a.png').touch()
    content = dict(
        images=[dict(id=1, file_name='a.png', width=90, height=90)],
        annotations=[
            dict(
                id=1,
                image_id=1,
                category_id=1,
                bbox=[10, 10, 60, 60],
                keypoints=[20, 30, 2, 50, 30, 2, 35, 40, 1],
            )
        ],
        categories=[dict(id=1, name='face', **category)],
    )
    path = root / 'own.json'
    path.write_text(json.dumps(content))
    return path


def build(path: Path, **options: object) -> object:
    return DATASETS.build(
        dict(
            type='rcn_mmpose.OwnFaceDataset',
            data_root=str(path.parent),
            ann_file=path.name,
            data_prefix=dict(img=''),
            **options,
        )
    )


def test_own_keypoints_from_the_file(tmp_path: Path) -> None:
    path = own_json(tmp_path, keypoints=NAMES, flip_pairs=[[0, 1]], eyes=[[0], [1]])
    dataset = build(path)
    assert dataset.metainfo['flip_indices'] == [1, 0, 2]
    assert dataset.metainfo['normalisers'] == dict(eye_points=((0,), (1,)))
    assert dataset.metainfo['keypoint_name2id'] == dict(left=0, right=1, tip=2)
    assert dataset[0]['keypoints'].shape == (1, 3, 2)


def test_own_keypoints_from_the_config(tmp_path: Path) -> None:
    path = own_json(tmp_path, keypoints=NAMES)
    assert 'normalisers' not in build(path).metainfo
    dataset = build(
        path,
        metainfo=dict(dataset_name='mine', flip_pairs=[(0, 1)], eyes=((0, 2), (1,))),
    )
    assert dataset.metainfo['dataset_name'] == 'mine'
    assert dataset.metainfo['flip_indices'] == [1, 0, 2]
    eyes = dict(eye_centres=((0, 2), (1,)))  # the first eye is a midpoint
    assert dataset.metainfo['normalisers'] == eyes


@pytest.mark.parametrize(
    ('kind', 'names'), [('MTFLDataset', FIVE_NAMES), ('W300Dataset', NAMES_68)]
)
def test_skeletons_in_the_form_of_mmpose(kind: str, names: tuple) -> None:
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    meta = DATASETS.get(kind).METAINFO
    parsed = parse_pose_metainfo(meta)
    links = [tuple(link) for link in parsed['skeleton_links']]
    assert links == list(known_lines(names))
    assert list(parsed['keypoint_id2name'].values()) == list(names)
    colors = {tuple(color) for color in parsed['keypoint_colors'].tolist()}
    # A colour for each region that a reader with any colour vision can tell apart.
    assert len(colors) == (5 if len(names) == 68 else 3)
    assert colors <= {rgb(name) for name in OKABE_ITO}
    first = [parsed['keypoint_colors'][a].tolist() for a, _ in links]
    assert parsed['skeleton_link_colors'].tolist() == first


def test_the_skeleton_of_own_keypoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        'rcn_mmpose.datasets.face.own_faces.print_log',
        lambda text, *_, **__: said.append(text),
    )
    own = dict(keypoints=NAMES, flip_pairs=[[0, 1]], eyes=[[0], [1]])
    dataset = build(own_json(tmp_path, **own, skeleton=[[1, 3], [2, 3]]))
    links = [tuple(link) for link in dataset.metainfo['skeleton_links']]
    assert links == [(0, 2), (1, 2)]
    changed = build(own_json(tmp_path, **own), metainfo=dict(skeleton=[(1, 2)]))
    assert [tuple(x) for x in changed.metainfo['skeleton_links']] == [(0, 1)]
    for wrong in ([[0, 1]], [[3, 4]], [[1]], 'x', [['left', 'tip']]):
        dataset = build(own_json(tmp_path, **own, skeleton=wrong))
        assert dataset.metainfo['skeleton_links'] == []
        assert 'pairs of the 3 keypoints, counted from 1' in said.pop()


def test_converted_files_have_a_skeleton(tmp_path: Path) -> None:
    for names in (FIVE_NAMES, NAMES_68, tuple(NAMES)):
        path = tmp_path / 'faces.json'
        write_faces(str(path), [], names)
        (category,) = json.loads(path.read_text())['categories']
        expected = [[a + 1, b + 1] for a, b in known_lines(names)]
        assert category['skeleton'] == expected


def test_own_keypoints_without_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='give at least one name'):
        build(own_json(tmp_path))
    with pytest.raises(FileNotFoundError, match='pts2coco.py'):
        build(tmp_path / 'none.json')
    path = own_json(tmp_path, keypoints=NAMES)
    path.write_text(path.read_text()[:50])
    with pytest.raises(ValueError, match='not a complete COCO json'):
        build(path)


@pytest.mark.parametrize(
    ('names', 'pairs', 'eyes', 'message'),
    [
        (['a', 'a'], [], None, 'no duplicates'),
        (NAMES, [(0, 3)], None, 'from 0 to 2'),
        (NAMES, [(0, 1), (1, 2)], None, 'different indices'),
        (NAMES, [(0, 0)], None, 'different indices'),
        (NAMES, [], [[0], [-1]], 'from 0 to 2'),
        (NAMES, [], [[0]], 'two groups'),
    ],
)
def test_invalid_pairs_and_eyes(
    names: list, pairs: list, eyes: list | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        own_metainfo(names, pairs, eyes, 'own')
