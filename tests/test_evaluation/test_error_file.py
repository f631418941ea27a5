from __future__ import annotations

import csv
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from tested_face import META, TRUTH, evaluate, random_samples, sample

from rcn_mmpose.evaluation.ced import mean_error
from rcn_mmpose.evaluation.error_file import read_errors


def test_means_of_the_columns_equal_the_values(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'errors.csv'
    values = evaluate(
        random_samples(9, keypoints=3),
        keypoint_groups=dict(two=[0, 2]),
        face_subsets=dict(odd=dict(path='*_[13579].png'), seven=dict(path='*_7.png')),
        detailed=True,
        out_file=str(path),
    )
    file = read_errors(str(path))
    assert len(file.faces) == 9
    assert list(file.errors)[0] == 'NME_pixels_eye_points'
    checked = 0
    for name in file.errors:
        # equal digits, because all digits are written and sums are exact
        assert mean_error(file.select(name)) == values[name]
        for subset in ('odd', 'seven'):
            if f'{name}_{subset}' in values:
                mean = mean_error(file.select(name, subset))
                assert mean == values[f'{name}_{subset}']
                checked += 1
    # all and two keypoints, two normalisers, two protocols, two subsets
    assert checked == 16
    assert 'NME_cells_eye_points_kpt-2' in file.errors


def test_one_line_by_hand(tmp_path: Path) -> None:
    path = tmp_path / 'errors.csv'
    second = sample(
        pred=[[60.0, 90.0], *TRUTH[1:]],
        visible=[1, 1, 0],
        img_path='a b, "c".png',
        id=2,
    )
    del second['gt_instances']['bboxes']
    evaluate(
        [sample(id=3), second],
        normalisers=['eye_points'],
        face_subsets=dict(x=dict(path='data/*')),
        detailed=True,
        out_file=str(path),
    )
    with path.open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            'id': '2',
            'img_path': 'a b, "c".png',
            'x1': '',
            'y1': '',
            'x2': '',
            'y2': '',
            'subsets': '',
            'NME_pixels_eye_points': '12.5',  # 10 of 40 pixels, over 2 keypoints
            'NME_pixels_eye_points_kpt-0': '25.0',
            'NME_pixels_eye_points_kpt-1': '0.0',
            'NME_pixels_eye_points_kpt-2': '',
        },
        {
            'id': '3',
            'img_path': 'data/face.png',
            'x1': '20.0',
            'y1': '20.0',
            'x2': '180.0',
            'y2': '180.0',
            'subsets': 'x',
            'NME_pixels_eye_points': '0.0',
            'NME_pixels_eye_points_kpt-0': '0.0',
            'NME_pixels_eye_points_kpt-1': '0.0',
            'NME_pixels_eye_points_kpt-2': '0.0',
        },
    ]


def test_a_name_without_a_folder_is_placed_beside_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'run').mkdir()
    monkeypatch.chdir(tmp_path)
    logger = MMLogger(
        'other', log_file=str(tmp_path / 'run' / 'a.log'), log_level='INFO'
    )
    monkeypatch.setattr(MMLogger, 'get_current_instance', lambda: logger)
    try:
        evaluate([sample()], out_file='errors.csv')
        evaluate([sample()], out_file='./errors.csv')
    finally:
        for handler in logger.handlers:
            handler.close()
    written = [p.relative_to(tmp_path) for p in tmp_path.rglob('*.csv')]
    assert sorted(map(str, written)) == ['errors.csv', 'run/errors.csv']
    assert 'run/errors.csv' in (tmp_path / 'run' / 'a.log').read_text()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        evaluate([sample()], out_file=str(tmp_path / 'file' / 'errors.csv'))


def test_malformed_files(tmp_path: Path) -> None:
    path = tmp_path / 'errors.csv'
    evaluate([sample(), sample()], meta=META, out_file=str(path))
    whole = path.read_text()

    def fails(text: str) -> str:
        path.write_text(text)
        with pytest.raises(ValueError) as caught:
            read_errors(str(path))
        return str(caught.value)

    assert 'first line does not begin with id,img_path' in fails('')
    assert 'is no file of errors' in fails('a,b\n1,2\n')
    assert 'holds no face' in fails(whole.splitlines()[0] + '\n')
    message = fails(whole[: whole.rindex(',')])
    assert 'line 3' in message and 'cut short' in message
    assert "'x'" in fails(whole.replace(',0.0', ',x'))
    path.write_text(whole)
    file = read_errors(str(path))
    with pytest.raises(ValueError, match='no errors .NME., but NME_pixels_'):
        file.select('NME')
    with pytest.raises(ValueError, match="'hard' matches no face; .*: none"):
        file.select('NME_pixels_box', 'hard')


def test_no_file_without_out_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluate([sample()])
    assert not list(tmp_path.iterdir())
