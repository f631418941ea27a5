from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.registry import DATASETS


def build(data: Path, **options: object) -> object:
    config = dict(
        type='rcn_mmpose.MTFLDataset',
        data_root=str(data),
        ann_file='annotations/mtfl_val.json',
        data_prefix=dict(img='mtfl/'),
        test_mode=True,
    )
    return DATASETS.build({**config, **options})


def rewrite(data: Path, change: callable) -> None:
    path = data / 'annotations/mtfl_val.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_faces_equal_the_annotation_file(converted: Path) -> None:
    def leave(content: dict) -> None:
        content['annotations'][1]['bbox'] = [-10.5, 20, 150, 150]

    rewrite(converted, leave)
    dataset = build(converted)
    assert len(dataset) == 4
    face = dataset.get_data_info(1)
    # MMPose's base class would clip the box to the image of 120x120.
    np.testing.assert_allclose(face['bbox'], [[-10.5, 20, 139.5, 170]])
    assert face['keypoints'].shape == (1, 5, 2)
    assert Path(face['img_path']).is_file()


def test_metainfo(converted: Path) -> None:
    meta = build(converted).metainfo
    assert meta['dataset_name'] == 'mtfl'
    assert meta['normalisers'] == dict(eye_points=((0,), (1,)))
    assert list(meta['face_subsets']) == ['frontal', 'turned', 'profile']
    assert meta['faces_listed'] == 4
    assert meta['flip_indices'] == [1, 0, 2, 4, 3]
    aflw = build(
        converted,
        type='rcn_mmpose.AFLW5Dataset',
        ann_file='annotations/aflw5_test.json',
    )
    assert aflw.metainfo['dataset_name'] == 'aflw5'
    assert aflw.metainfo['keypoint_id2name'] == meta['keypoint_id2name']


def test_the_warning_names_and_counts_unusable_faces(
    converted: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil(content: dict) -> None:
        content['annotations'][2]['bbox'][2] = 0

    rewrite(converted, spoil)
    with caplog.at_level(logging.WARNING):
        dataset = build(converted)
    assert len(dataset) == 3
    assert dataset.metainfo['faces_listed'] == 4


def test_the_error_of_a_missing_file_names_the_converter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='mtfl_val.json.*mtfl2coco.py'):
        build(tmp_path)


def test_missing_image_folder(converted: Path) -> None:
    with pytest.raises(FileNotFoundError, match="folder '.*nowhere/'"):
        build(converted, data_prefix=dict(img='nowhere/'))


def test_truncated_annotation_file(converted: Path) -> None:
    path = converted / 'annotations/mtfl_val.json'
    path.write_text(path.read_text()[:300])
    with pytest.raises(ValueError, match='mtfl_val.json.*not a complete COCO json'):
        build(converted)


def test_no_face(converted: Path) -> None:
    rewrite(converted, lambda content: content['annotations'].clear())
    with pytest.raises(ValueError, match='lists no face'):
        build(converted)


def test_one_based_labels_of_mtfl(converted: Path) -> None:
    plain = build(converted).get_data_info(2)
    moved = build(converted, label_origin=1).get_data_info(2)
    for key in ('keypoints', 'bbox'):
        np.testing.assert_allclose(moved[key], plain[key] - 1, rtol=1e-6)
    with pytest.raises(ValueError, match='label_origin=2; give 0'):
        build(converted, label_origin=2)
