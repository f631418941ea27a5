"""A playlist under the name of a video is not opened."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.tracking.containers import check_container


@pytest.mark.usefixtures('no_network')
@pytest.mark.parametrize(
    'text',
    [
        '#EXTM3U\n#EXTINF:1,\nhttp://192.0.2.1/a.ts\n',
        '\ufeff#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n',
        'ffconcat version 1.0\nfile /etc/passwd\n',
        '<?xml version="1.0"?><MPD><BaseURL>http://192.0.2.1/</BaseURL></MPD>',
        'v=0\no=- 0 0 IN IP4 192.0.2.1\nm=video 5004 RTP/AVP 96\n',
        'Gather these files\nhttp://192.0.2.1/a.mp4\n' * 20,
        'http://192.0.2.1/a.mp4\n',
        '',
    ],
)
@pytest.mark.parametrize('name', ['talk.mp4', 'talk.avi', 'talk.m3u8', 'talk.ts'])
def test_texts_are_not_opened(
    text: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text)
    assert main(['video', name]) in (1, 2)
    said = capsys.readouterr()
    assert 'is in none of the formats' in said.out + said.err
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ('ending', 'code'),
    [('.mp4', 'mp4v'), ('.avi', 'MJPG'), ('.mkv', 'MJPG'), ('.ts', 'mp4v')],
)
def test_videos_are_opened(ending: str, code: str, tmp_path: Path) -> None:
    path = str(tmp_path / f'talk{ending}')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*code), 25, (64, 64))
    if not writer.isOpened():
        pytest.skip(f'OpenCV cannot write {ending} here')
    for value in (0, 100, 200):
        writer.write(np.full((64, 64, 3), value, np.uint8))
    writer.release()
    check_container(path)
