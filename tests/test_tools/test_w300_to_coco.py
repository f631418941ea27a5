from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from conftest import load_tool


@pytest.fixture
def converter() -> ModuleType:
    return load_tool('dataset_converters/w300_to_coco.py')


def write_faces(folder: Path, names: list[str], seed: int = 0) -> None:
    """Write images of noise with 68 points each."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        image = rng.integers(0, 256, (90, 100, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f'{name}.png'), image)
        points = rng.uniform(30, 70, (68, 2))
        lines = [f'{x:.3f} {y:.3f}' for x, y in points]
        text = '\n'.join(['version: 1', 'n_points: 68', '{', *lines, '}'])
        (folder / f'{name}.pts').write_text(text)


def convert(converter: ModuleType, root: Path) -> dict[str, dict]:
    out = root / 'out'
    converter.main([str(root), '--out', str(out)])
    return {p.stem: json.loads(p.read_text()) for p in out.iterdir()}


def names(content: dict) -> list[str]:
    return [image['file_name'] for image in content['images']]


def test_part_of_the_release(
    tmp_path: Path, converter: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    write_faces(tmp_path / 'afw', [f'1_{i}' for i in range(1, 4)])
    write_faces(tmp_path / 'helen/trainset', [f'{i}_1' for i in range(15)], 1)
    write_faces(tmp_path / 'lfpw/testset', ['image_0001', 'image_0002'], 2)
    (tmp_path / 'helen/trainset/3_1.png').unlink()
    pts = tmp_path / 'helen/trainset/4_1.pts'
    pts.write_text('\n'.join(pts.read_text().splitlines()[:20]))
    (tmp_path / 'lfpw/testset/image_0002.png').write_bytes(b'x')
    files = convert(converter, tmp_path)
    assert sorted(files) == ['300w_test', '300w_train', '300w_val']
    train, val = names(files['300w_train']), names(files['300w_val'])
    assert len(train) == 15 and len(val) == 1
    # The faces of one photo are on the same side of the split.
    photo = {f'afw/1_{i}.png' for i in range(1, 4)}
    assert len(photo & set(val)) in (0, 3)
    test = files['300w_test']
    assert names(test) == ['lfpw/testset/image_0001.png']
    assert test['info']['description'] == 'LFPW test, 1 of 554'
    assert test['info']['faces_listed'] == 554
    log = capsys.readouterr().out.replace('\n', ' ')
    assert 'HELEN train: left out' in log and '3_1.jpg or .png does not' in log
    assert '4_1.pts: ' in log and 'cut short' in log
    assert 'image_0002.png' in log and 'corrupt' in log
    assert 'IBUG: 135 of 135 are missing' in log
    assert 'AFW: 334 of 337 are missing' in log


def test_points_and_boxes(tmp_path: Path, converter: ModuleType) -> None:
    write_faces(tmp_path / 'ibug', ['image_1'])
    face = convert(converter, tmp_path)['300w_test']['annotations'][0]
    lines = (tmp_path / 'ibug/image_1.pts').read_text().splitlines()[3:-1]
    expected = np.array([line.split() for line in lines], float) - 1
    points = np.array(face['keypoints']).reshape(68, 3)
    np.testing.assert_allclose(points[:, :2], expected, atol=1e-4)
    side = np.ptp(expected, 0).max() * 1.3
    assert face['bbox'][2] == pytest.approx(side, abs=1e-3)
    assert face['attributes']['part'] == 'IBUG'


@pytest.mark.parametrize(
    ('counts', 'name', 'total'),
    [
        ({'LFPW test': 224, 'HELEN test': 330, 'IBUG': 135}, 'full', 689),
        ({'LFPW test': 224, 'HELEN test': 330, 'IBUG': 0}, 'common', 554),
        ({'IBUG': 135}, 'challenging', 135),
        ({'LFPW test': 224, 'IBUG': 0}, 'LFPW test, 224 of 554', 554),
        (
            {'LFPW test': 224, 'IBUG': 135},
            'LFPW test + IBUG, 359 of 689',
            689,
        ),
        ({'IBUG': 134}, 'IBUG, 134 of 135', 135),
    ],
)
def test_an_incomplete_list_is_not_named_as_complete(
    converter: ModuleType, counts: dict, name: str, total: int
) -> None:
    assert converter.describe(counts) == (name, total)


def test_no_folder(tmp_path: Path, converter: ModuleType) -> None:
    with pytest.raises(FileNotFoundError, match='has no folder of afw'):
        convert(converter, tmp_path)


def test_swapped_coordinates(tmp_path: Path, converter: ModuleType) -> None:
    """Lines "y x" are the mirror image of every face."""
    write_faces(tmp_path / 'afw', [f'{i}_1' for i in range(12)])
    rng = np.random.default_rng(0)
    for path in (tmp_path / 'afw').glob('*.pts'):
        points = rng.uniform(30, 70, (68, 2))
        points[36:48, 0] -= 20  # the eyes above the mouth, as y x
        points[36:42, 1], points[42:48, 1] = 40, 60
        np.savetxt(path, points)
    with pytest.raises(ValueError, match='12 of 12|of 300W, but mirrored'):
        convert(converter, tmp_path)
    assert not (tmp_path / 'out').exists()
