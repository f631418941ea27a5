from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import cv2
import h5py
import numpy as np
import pytest
from conftest import load_tool

# Eyes, nose tip, mouth (left, centre, right); 1-based as in MATLAB.
SIX = np.array([(41, 51), (81, 51), (61, 71), (46, 91), (61, 95), (76, 91)], float)


@pytest.fixture
def afw2coco() -> ModuleType:
    return load_tool('dataset_converters/afw2coco.py')


def write_afw(root: Path, faces: dict[str, list[np.ndarray]]) -> Path:
    """Write anno.mat in the format of MATLAB 7.3, and the images."""
    root.mkdir()
    with h5py.File(root / 'anno.mat', 'w') as file:
        refs = file.create_group('#refs#')

        def store(value: np.ndarray, dtype: object = None) -> h5py.Reference:
            name = str(len(refs))
            return refs.create_dataset(name, data=value, dtype=dtype).ref

        def cell(values: list) -> h5py.Reference:
            array = np.array(values, dtype=h5py.ref_dtype)
            return store(array.reshape(-1, 1), h5py.ref_dtype)

        rows = []
        for name, points in faces.items():
            letters = np.array([[ord(c)] for c in name], dtype=np.uint16)
            rows.append(
                (
                    store(letters),
                    cell([store(np.zeros((2, 2))) for _ in points]),
                    cell([store(np.zeros((3, 1))) for _ in points]),
                    cell([store(p.T) for p in points]),
                )
            )
            image = np.full((120, 140, 3), 90, np.uint8)
            cv2.imwrite(str(root / name), image)
        array = np.array(rows, dtype=h5py.ref_dtype).T
        file.create_dataset('anno', data=array, dtype=h5py.ref_dtype)
    return root


def convert(module: ModuleType, root: Path) -> dict:
    out = root / 'out'
    module.main([str(root), '--out', str(out)])
    return json.loads((out / 'afw_test.json').read_text())


def test_faces_with_all_landmarks(
    tmp_path: Path, afw2coco: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    partial = SIX.copy()
    partial[1] = np.nan
    middle_first = SIX[[0, 1, 2, 4, 3, 5]] + 3
    root = write_afw(
        tmp_path / 'afw', {'b.jpg': [SIX, partial], 'a.jpg': [middle_first]}
    )
    content = convert(afw2coco, root)
    assert [i['file_name'] for i in content['images']] == ['a.jpg', 'b.jpg']
    second = np.array(content['annotations'][1]['keypoints']).reshape(5, 3)
    expected = [(40, 50), (80, 50), (60, 70), (45, 90), (75, 90)]
    np.testing.assert_allclose(second[:, :2], expected)
    first = np.array(content['annotations'][0]['keypoints']).reshape(5, 3)
    np.testing.assert_allclose(first[:, :2], np.add(expected, 3))
    # corners span 40, eyes and mouth are 40 apart: 40 + 2 * 0.95 * 40 = 116
    assert content['annotations'][1]['bbox'][2] == pytest.approx(116)
    assert content['info']['description'] == 'AFW, 2 of 377'
    assert '1 faces do not have all six landmarks' in capsys.readouterr().out


def test_missing_image_is_reported(
    tmp_path: Path, afw2coco: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    root = write_afw(tmp_path / 'afw', {'a.jpg': [SIX], 'b.jpg': [SIX]})
    (root / 'a.jpg').unlink()
    content = convert(afw2coco, root)
    assert len(content['annotations']) == 1
    assert content['info']['faces_listed'] == 2
    assert 'left out, a.jpg, face 1' in capsys.readouterr().out


def test_broken_annotation_file(tmp_path: Path, afw2coco: ModuleType) -> None:
    root = write_afw(tmp_path / 'afw', {'a.jpg': [SIX]})
    path = root / 'anno.mat'
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match='not the complete anno.mat'):
        convert(afw2coco, root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='anno.mat does not exist'):
        convert(afw2coco, root)
    with h5py.File(path, 'w') as file:
        file['other'] = 1
    with pytest.raises(ValueError, match='not the complete anno.mat'):
        convert(afw2coco, root)
