"""What the converter of .pts files finds, and what it says of the rest."""

from __future__ import annotations

import importlib.util
import json
import shutil
import unicodedata
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from fake_mtfl import draw_face
from PIL import Image


@pytest.fixture
def pts2coco(root: Path) -> ModuleType:
    path = root / 'tools' / 'dataset_converters' / 'pts2coco.py'
    spec = importlib.util.spec_from_file_location('pts2coco', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put(folder: Path, name: str, ending: str = '.png') -> None:
    """Write a face and its .pts file."""
    folder.mkdir(parents=True, exist_ok=True)
    image, points = draw_face(np.random.default_rng(len(name)))
    cv2.imwrite(str(folder / f'{name}{ending}'), image)
    lines = '\n'.join(f'{x} {y}' for x, y in points + 1)
    (folder / f'{name}.pts').write_text(lines)


def files_of(folder: Path) -> list[str]:
    images = []
    for name in ('train.json', 'val.json'):
        content = json.loads((folder / 'annotations' / name).read_text())
        images += [image['file_name'] for image in content['images']]
    return sorted(images)


def test_folders_are_searched_and_the_rest_is_said(
    tmp_path: Path, pts2coco: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    own = tmp_path / 'own [1]'  # a pattern to glob
    put(own, 'a')
    put(own / 'b', 'bb', '.jpg')
    put(own / '.hidden', 'c')
    put(tmp_path / 'else', 'dddd')
    shutil.copy(own / 'a.png', own / 'without.PNG')
    (own / 'b' / 'loop').symlink_to('..')
    (own / 'linked').symlink_to(tmp_path / 'else')
    (own / 'gone').symlink_to('nowhere')
    pts2coco.main([str(own)])
    assert files_of(own) == ['a.png', 'b/bb.jpg', 'linked/dddd.png']
    said = capsys.readouterr().out
    assert f"left out, {own / 'gone'}: the link to 'nowhere' cannot" in said
    assert 'left out, 1 hidden .pts files: .hidden/c.pts' in said
    assert (
        'left out, 1 images without a .pts file of the same name: without.PNG' in said
    )


def test_a_mistyped_folder_keeps_the_earlier_files(
    tmp_path: Path, pts2coco: ModuleType
) -> None:
    put(tmp_path / 'own', 'a')
    put(tmp_path / 'own', 'bb')
    pts2coco.main([str(tmp_path / 'own')])
    before = (tmp_path / 'own/annotations/train.json').read_bytes()
    with pytest.raises(ValueError, match='0 usable faces'):
        out = ['--out', str(tmp_path / 'own' / 'annotations')]
        pts2coco.main([str(tmp_path / 'onw'), *out])
    assert (tmp_path / 'own/annotations/train.json').read_bytes() == before


def test_any_spelling_of_names(tmp_path: Path, pts2coco: ModuleType) -> None:
    own = tmp_path / 'own'
    names = ('a.JPG', 'b 100 %.JPEG', 'c [1].tif', 'd.webp', 'é.Png')
    for name in names:
        stem, _, ending = name.rpartition('.')
        put(own, stem, f'.{ending.lower()}')
        (own / f'{stem}.{ending.lower()}').rename(own / name)
        (own / f'{stem}.pts').rename(own / f'{unicodedata.normalize("NFD", stem)}.PTS')
    pts2coco.main([str(own)])
    assert files_of(own) == sorted(names)


def change(own: Path, name: str, function: object) -> None:
    """Change the keypoints of a .pts file, counted from 0."""
    points = np.loadtxt(own / f'{name}.pts') - 1
    np.savetxt(own / f'{name}.pts', function(points) + 1)


def test_points_that_contradict_their_image(
    tmp_path: Path, pts2coco: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    own = tmp_path / 'own'
    for name in ('a', 'bb', 'ccc', 'dddd'):
        put(own, name)
    change(own, 'ccc', lambda points: points / 120)  # images of 120x120
    change(own, 'dddd', lambda points: points * 4)
    pts2coco.main([str(own)])
    assert files_of(own) == ['a.png', 'bb.png']
    said = capsys.readouterr().out
    assert "ccc.png' of 120x120 pixels" in said and 'fractions of the image' in said
    assert "dddd.png' of 120x120 pixels" in said and 'image of another size' in said


def test_points_in_percent(tmp_path: Path, pts2coco: ModuleType) -> None:
    own = tmp_path / 'own'
    for name in ('a', 'bb', 'ccc'):
        put(own, name)
        image = cv2.imread(str(own / f'{name}.png'))
        cv2.imwrite(str(own / f'{name}.png'), cv2.resize(image, (600, 600)))
        change(own, name, lambda points: points / 1.2)
    with pytest.raises(ValueError, match='look like percent'):
        pts2coco.main([str(own)])
    assert not (own / 'annotations').exists()


def test_rotated_images_are_said(
    tmp_path: Path, pts2coco: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    own = tmp_path / 'own'
    put(own, 'a')
    put(own, 'bb', '.jpg')
    with Image.open(own / 'bb.jpg') as image:
        exif = image.getexif()
        exif[0x0112] = 3
        image.save(own / 'bb.jpg', exif=exif)
    pts2coco.main([str(own)])
    said = capsys.readouterr().out
    assert '1 images are rotated by their EXIF tag' in said
    assert 'rotated image: bb.jpg' in said
