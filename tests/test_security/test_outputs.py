"""Outputs have the permissions of the umask and follow no link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.synthetic import render_face

pytest.importorskip('onnxruntime')
ERRORS = 'id,img_path,x1,y1,x2,y2,subsets,NME_pixels_box\n0,a.png,,,,,,1\n'


@pytest.fixture(params=[0o022, 0o077, 0o007])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    image = render_face(0, size=200, pose=(0.0, 0.0, 0.0), plain=True).image
    cv2.imwrite('photo.png', image)
    codec = cv2.VideoWriter_fourcc(*'MJPG')
    video = cv2.VideoWriter('talk.avi', codec, 10, (200, 200))
    video.write(np.ascontiguousarray(image))
    video.release()
    Path('errors.csv').write_text(ERRORS)
    return tmp_path


COMMANDS = [
    'predict photo.png --model rcn-5 --out out.json',
    'predict photo.png --model rcn-5 --out out.csv',
    'predict photo.png --model rcn-5 --out x.json --draw drawn',
    'video talk.avi --out out.json',
    'video talk.avi --out out.csv --draw drawn.avi',
    'plot errors.csv --out out.png',
    'export --model rcn-5 out.onnx',
]


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('command', COMMANDS)
def test_permissions(command: str, umask: int, photo: Path) -> None:
    if command.startswith('plot'):
        pytest.importorskip('matplotlib')
    before = files(photo)
    assert main(command.split()) == 0
    written = files(photo) - before
    assert written
    for path in written:
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask, path


@pytest.mark.parametrize('command', COMMANDS)
def test_links_are_replaced(command: str, photo: Path) -> None:
    if command.startswith('plot'):
        pytest.importorskip('matplotlib')
    before = files(photo)
    assert main(command.split()) == 0
    outputs = files(photo) - before
    for i, path in enumerate(sorted(outputs)):
        precious = photo / f'precious_{i}'
        precious.write_text('years of work')
        path.unlink()
        path.symlink_to(precious)
    assert main(command.split()) == 0
    for i, path in enumerate(sorted(outputs)):
        assert (photo / f'precious_{i}').read_text() == 'years of work'
        assert path.stat().st_size > 20 and not path.is_symlink(), path


def test_a_failed_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match='No space left'):
        write_whole(str(tmp_path / 'a.txt'), b'content')
    assert not list(tmp_path.iterdir())
