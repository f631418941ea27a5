from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from rcn_mmpose.lab.report.annotated_faces import (
    LISTS,
    faces_of_config,
    faces_of_file,
    faces_of_list,
    is_test_file,
)
from rcn_mmpose.registry import DATASETS


def test_the_same_faces_by_name_file_and_config(
    converted: Path, tmp_path: Path
) -> None:
    path = converted / 'annotations' / 'mtfl_val.json'
    by_name = faces_of_list('mtfl_val', str(converted))
    by_file = faces_of_file(str(path), str(converted / 'mtfl'))
    config = tmp_path / 'some.py'
    Config(
        dict(
            val_dataloader=dict(
                dataset=dict(
                    type='rcn_mmpose.MTFLDataset',
                    ann_file=str(path),
                    data_prefix=dict(img=str(converted / 'mtfl')),
                )
            )
        )
    ).dump(config)
    by_config = faces_of_config(str(config))
    assert by_name.name == by_file.name == 'mtfl_val'
    assert by_config.name == 'some val'
    for found in (by_name, by_file, by_config):
        assert len(found.faces) == 4 and not found.is_test
        assert found.metainfo['dataset_name'] == 'mtfl'
        for one, other in zip(found.faces, by_name.faces, strict=True):
            assert one['id'] == other['id']
            np.testing.assert_array_equal(one['bbox'], other['bbox'])
            assert Path(one['img_path']).samefile(other['img_path'])
    with pytest.raises(ValueError, match='has no data to test'):
        faces_of_config(str(config), 'test')


def test_datasets_of_the_lists_are_registered(converted: Path) -> None:
    for kind, _, _ in LISTS.values():
        assert DATASETS.get(kind) is not None
    assert faces_of_list('aflw5_test', str(converted)).is_test
    with pytest.raises(ValueError, match="data 'mtfl'; choose one of mtfl_tr"):
        faces_of_list('mtfl')
    with pytest.raises(FileNotFoundError, match='no.json'):
        faces_of_file(str(converted / 'no.json'), str(converted))


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('a/300w_test.json', True),
        ('300w_challenging.json', True),
        ('test_5.json', True),
        ('cofw-test.json', True),
        ('test/300w_val.json', False),
        ('contest.json', False),
        ('latest_train.json', False),
    ],
)
def test_test_files(name: str, expected: bool) -> None:
    assert is_test_file(name) is expected


def test_hidden_keypoints(converted: Path) -> None:
    faces = faces_of_list('mtfl_val', str(converted))
    flags = faces.faces[1]['raw_ann_info']['keypoints']
    flags[5] = 1  # the second keypoint is hidden
    flags[8] = 0  # the third is not labelled, which is not hidden
    assert not faces.hidden(0).any()
    assert faces.hidden(1).tolist() == [False, True, False, False, False]
