from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.evaluation.ced import draw_curves
from rcn_mmpose.io.atomic import DRAFT, write_whole
from rcn_mmpose.io.image_files import write_image


def full_disk(*arguments: object) -> None:
    raise OSError(28, 'No space left on device')


def test_write(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'file'
    write_whole(str(path), b'old')
    write_whole(str(path), b'content')
    assert path.read_bytes() == b'content'
    assert os.listdir(path.parent) == ['file']


def test_a_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def fail(*args: object) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_whole(str(path), b'content')
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file']


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / 'folder').touch()
    path = str(tmp_path / 'folder' / 'file')
    with pytest.raises(OSError) as caught:
        write_whole(path, b'content')
    assert caught.value.filename == path and DRAFT not in str(caught.value)


@pytest.mark.parametrize('name', ['a.png', 'a.JPG'])
def test_an_image_that_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = str(tmp_path / 'new' / name)
    image = np.full((8, 9, 3), 7, np.uint8)
    write_image(path, image)
    np.testing.assert_array_equal(cv2.imread(path), image)
    content = Path(path).read_bytes()
    with pytest.raises(ValueError, match='cannot be written'):
        write_image(path, np.zeros((0, 9, 3), np.uint8))
    monkeypatch.setattr(os, 'replace', full_disk)
    with pytest.raises(OSError, match=repr(path)):
        write_image(path, np.zeros_like(image))
    assert Path(path).read_bytes() == content
    for wrong in ('a', 'a.txt'):
        with pytest.raises(ValueError, match='such as .png'):
            write_image(str(tmp_path / wrong), image)
    assert os.listdir(tmp_path) == ['new'] and os.listdir(tmp_path / 'new') == [name]


def test_curves_that_cannot_be_written_leave_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'ced.png'
    draw_curves(str(path), dict(a=np.arange(5.0)), 'error')
    assert cv2.imread(str(path)) is not None
    content = path.read_bytes()
    monkeypatch.setattr(os, 'replace', full_disk)
    with pytest.raises(OSError, match=repr(str(path))):
        draw_curves(str(path), dict(a=np.arange(9.0)), 'error')
    assert path.read_bytes() == content
    with pytest.raises(ValueError, match='txt'):
        draw_curves(str(tmp_path / 'ced.txt'), dict(a=np.arange(5.0)), 'error')
    assert os.listdir(tmp_path) == ['ced.png']
