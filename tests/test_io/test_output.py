from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rcn_mmpose.inference import Failure, Result
from rcn_mmpose.io.output import SourceImage


@pytest.fixture
def result() -> Result:
    """Faces 0 and 1 in image 0; faces 2 (failed) and 3 in image 2."""
    keypoints = np.arange(16, dtype=np.float32).reshape(4, 2, 2)
    keypoints[2] = np.nan
    return Result(
        keypoints=keypoints,
        confidence=np.float32([[0.5, 1], [0.25, 0.75], [0, 0], [0.5, 0.5]]),
        covariance=np.arange(16, dtype=np.float32).reshape(4, 1, 2, 2)
        + np.zeros((1, 2, 1, 1), np.float32),
        boxes=np.array([[1, 2, 11, 22], [3, 4, 5, 6]] * 2, float),
        image_index=np.array([0, 0, 2, 2]),
        images=(
            SourceImage('a.png', (30, 20)),
            SourceImage('b.png', (5, 5)),
            SourceImage('', (7, 8)),
        ),
        names=('eye', 'nose'),
        failures=(Failure(2, 0, 'why'),),
        timing=dict(total=1.0),
    )


def test_found(result: Result) -> None:
    assert len(result) == 4
    assert result.found.tolist() == [True, True, False, True]


def test_old_names(result: Result) -> None:
    with pytest.warns(DeprecationWarning, match='Result.pictures is now Result.images'):
        assert result.pictures is result.images
    with pytest.warns(DeprecationWarning, match='Result.picture_index is now'):
        assert result.picture_index is result.image_index
    with pytest.warns(DeprecationWarning, match='Failure.picture is now Failure.image'):
        assert result.failures[0].picture == 2


def test_one_image(result: Result) -> None:
    assert len(result.of(0)) == 2 and len(result.of(1)) == 0
    last = result.of(2)
    np.testing.assert_array_equal(last.keypoints, result.keypoints[2:])
    assert last.image_index.tolist() == [0, 0]
    assert last.images == (SourceImage('', (7, 8)),)
    assert last.failures == (Failure(0, 0, 'why'),)
    for index in (3, -1):
        with pytest.raises(IndexError, match='of 3'):
            result.of(index)


def test_coco(result: Result) -> None:
    coco = json.loads(json.dumps(result.to_coco()))
    assert [i['file_name'] for i in coco['images']] == ['a.png', 'b.png', '']
    assert coco['images'][0]['width'] == 30
    assert coco['categories'][0]['keypoints'] == ['eye', 'nose']
    faces = coco['annotations']
    assert [(f['id'], f['image_id']) for f in faces] == [
        (1, 1),
        (2, 1),
        (3, 3),
    ]
    assert faces[1]['keypoints'] == [4, 5, 2, 6, 7, 2]
    assert faces[1]['keypoint_scores'] == [0.25, 0.75]
    assert faces[0]['bbox'] == [1, 2, 10, 20] and faces[0]['area'] == 200
    assert faces[0]['score'] == 0.75


def test_pycocotools_reads_the_json(result: Result) -> None:
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = result.to_coco()
    coco.createIndex()
    assert coco.getAnnIds(imgIds=[1]) == [1, 2]


def test_pandas(result: Result) -> None:
    table = result.to_pandas()
    assert len(table) == 8
    row = table.iloc[3]
    assert (row.image, row.file, row.face) == (0, 'a.png', 1)
    assert (row.keypoint, row.x, row.y) == ('nose', 6, 7)
    assert (row.confidence, row.var_x, row.cov_xy, row.var_y) == (
        0.75,
        4,
        5,
        7,
    )
    assert table.face.tolist() == [0, 0, 1, 1] * 2
    assert table.x.isna().tolist() == [False] * 4 + [True] * 2 + [False] * 2
    assert len(result.of(1).to_pandas()) == 0


def before(xy: object, confidence: object, class_id: object) -> dict:
    """``supervision.KeyPoints`` up to version 0.28."""
    return dict(xy=xy, confidence=confidence, class_id=class_id)


def since(
    xy: object,
    class_id: object,
    confidence: object = None,
    keypoint_confidence: object = None,
) -> dict:
    """``supervision.KeyPoints`` from version 0.29, where the old name warns."""
    assert confidence is None
    return before(xy, keypoint_confidence, class_id)


@pytest.mark.parametrize('key_points', [before, since])
def test_supervision(
    result: Result, key_points: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = SimpleNamespace(KeyPoints=key_points)
    monkeypatch.setitem(sys.modules, 'supervision', made)
    fields = result.of(2).to_supervision()
    np.testing.assert_array_equal(fields['xy'], result.keypoints[3:])
    np.testing.assert_array_equal(fields['confidence'], [[0.5, 0.5]])
    assert fields['class_id'].tolist() == [0]
    with pytest.raises(ValueError, match='3 images'):
        result.to_supervision()


@pytest.mark.parametrize('name', ['pandas', 'supervision'])
def test_missing_packages(
    result: Result, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f'{name} is not installed'):
        getattr(result.of(0), f'to_{name}')()
