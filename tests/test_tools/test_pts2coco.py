"""What the converter of .pts files finds, and what it says of the rest."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from fake_mtfl import draw_face


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
