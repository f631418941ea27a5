"""Times of frames, damaged videos, cameras and streams."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import set_times, write_clip

from rcn_mmpose.tracking import frames as module
from rcn_mmpose.tracking.frames import FrameClock, VideoFrames, without_password


def times_of(path: Path) -> list[float]:
    with VideoFrames(str(path)) as frames:
        return [frame.time for frame in frames]


def by_clock(stamps: list[float], rate: float = 25.0) -> list[float]:
    clock = FrameClock(rate)
    return [clock(stamp) for stamp in stamps]


NAN = math.nan


@pytest.mark.parametrize(
    ('stamps', 'times'),
    [
        # a variable frame rate, from 0 and from elsewhere
        ([0, 0.04, 0.54, 0.58], [0, 0.04, 0.54, 0.58]),
        ([5.0, 5.04, 5.54], [0, 0.04, 0.54]),
        ([-0.5, -0.46, 0.04], [0, 0.04, 0.54]),
        # no time stamps: 0, NaN, and what FFmpeg returns for unknown
        ([0, 0, 0, 0], [0, 0.04, 0.08, 0.12]),
        ([NAN, NAN, NAN], [0, 0.04, 0.08]),
        ([-7.7e12, -7.7e12 + 1, -7.7e12 + 2], [0, 0.04, 0.08]),
        ([0, NAN, 0.5, 0], [0, 0.04, 0.5, 0.54]),
        ([NAN, 3.0, 3.5], [0, 0.04, 0.54]),
        # one that repeats or goes back a little does not change those after it
        ([0, 0.04, 0.04, 0.08, 0.12], [0, 0.04, 0.05, 0.08, 0.12]),
        ([0, 0.08, 0.06, 0.12, 0.16], [0, 0.08, 0.09, 0.12, 0.16]),
        # a single wrong one
        ([0, 2.0, 0.1, 2.08], [0, 2.0, 2.04, 2.08]),
        # joined recordings
        ([4, 4.5, 1.0, 1.1, 1.5], [0, 0.5, 0.54, 0.64, 1.04]),
        # negative times that a reader cuts at 0
        ([0, 0, 0, 0.04, 0.24], [0, 0.04, 0.08, 0.12, 0.32]),
    ],
)
def test_times_of_time_stamps(stamps: list[float], times: list[float]) -> None:
    found = by_clock(stamps)
    assert found == pytest.approx(times, abs=1e-3)
    assert all(a < b for a, b in zip(found, found[1:], strict=False))


def test_times_rise_whatever_the_time_stamps_are() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        stamps = rng.choice([0, 0.04, 0.08, 1.0, -3.0, NAN, math.inf, 1e18], 30)
        found = by_clock(stamps.tolist())
        assert all(a < b for a, b in zip(found, found[1:], strict=False)), stamps
        assert np.isfinite(found).all()


def test_frames_without_time_stamps_are_counted_exactly() -> None:
    assert by_clock([0.0] * 1000, 30.0) == [i / 30 for i in range(1000)]


def test_a_camera_without_time_stamps_follows_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([10.0, 10.2, 10.2, 11.0])
    monkeypatch.setattr(module, 'monotonic', lambda: next(now))
    clock = FrameClock(25.0, live=True)
    assert [clock(0) for _ in range(4)] == pytest.approx([0, 0.2, 0.201, 1.001])


def test_a_variable_frame_rate(tmp_path: Path) -> None:
    path = set_times(write_clip(tmp_path / 'v.mkv'), [0, 40, 80, 1000, 1040, 1800])
    assert times_of(path) == pytest.approx([0, 0.04, 0.08, 1.0, 1.04, 1.8])
    with VideoFrames(str(path)) as frames:
        assert frames.rate == pytest.approx(10)  # by the header
        assert frames.finest_rate() == pytest.approx(25)
    path = set_times(write_clip(tmp_path / 'v.mkv'), [0, 40, 40, 80, 120, 160])
    assert times_of(path) == pytest.approx([0, 0.04, 0.05, 0.08, 0.12, 0.16])


@pytest.mark.parametrize(
    ('name', 'code'),
    [
        ('a.avi', 'MJPG'),
        ('a.mp4', 'mp4v'),
        ('a.ts', 'mp4v'),
        ('a.mpg', 'mpg2'),
        ('a.webm', 'VP80'),
    ],
)
def test_a_constant_frame_rate(name: str, code: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, code=code)
    assert times_of(path) == pytest.approx([i / 10 for i in range(6)])
    with VideoFrames(str(path)) as frames:
        assert frames.finest_rate() == frames.rate == pytest.approx(10)
        assert not frames.live


def test_an_animated_gif(tmp_path: Path) -> None:
    image = pytest.importorskip('PIL.Image')
    first, *others = (image.new('L', (64, 48), 40 * i) for i in range(4))
    path = tmp_path / 'a.gif'
    first.save(path, save_all=True, append_images=others, duration=[40, 500, 40, 40])
    assert times_of(path) == pytest.approx([0, 0.04, 0.54, 0.58])


def test_fewer_frames_than_the_mean_rate_promises_are_no_loss(tmp_path: Path) -> None:
    """A header that estimates frames from the duration knows no variable rate."""
    path = tmp_path / 'v.mkv'
    set_times(write_clip(path), [0, 100, 200, 300, 400, 5900])
    content = bytearray(path.read_bytes())
    # the duration: identifier, size 8, and a float64 of milliseconds
    place = content.index(b'\x44\x89\x88') + 3
    assert struct.unpack('>d', content[place : place + 8]) == (600,)
    content[place : place + 8] = struct.pack('>d', 6000)
    path.write_bytes(content)
    with VideoFrames(str(path)) as frames:
        assert len(list(frames)) == 6
        assert frames.total == 60
        assert frames.problems() == []


def test_a_damaged_frame_does_not_end_the_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.avi')
    content = bytearray(path.read_bytes())
    third = [i for i in range(len(content)) if content[i : i + 2] == b'\xff\xd8'][2]
    tables = content.index(b'\xff\xc4', third)  # the Huffman tables
    content[tables + 4 : tables + 20] = b'\xff' * 16
    path.write_bytes(content)
    with VideoFrames(str(path)) as frames:
        found = [frame.time for frame in frames]
        assert frames.problems() == ['1 of the frames could not be decoded.']
    assert found == pytest.approx([0, 0.1, 0.3, 0.4, 0.5])


def test_a_truncated_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.avi', 20)
    content = path.read_bytes()
    images = content.index(b'movi')
    path.write_bytes(content[: (images + len(content)) // 2])
    with VideoFrames(str(path)) as frames:
        count = len(list(frames))
        assert 0 < count < 15
        (problem,) = frames.problems()
        assert f'ended after {count} of the 20 frames' in problem
        assert frames.problems(ended=False) == []


def test_a_rotated_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.mp4', code='mp4v')
    content = bytearray(path.read_bytes())
    # the matrix of the track: 40 bytes after the version of its header
    place = content.index(b'tkhd') + 4 + 40
    upright = struct.pack('>9i', 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    assert content[place : place + 36] == upright
    turn = (0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    content[place : place + 36] = struct.pack('>9i', *turn)
    path.write_bytes(content)
    with VideoFrames(str(path)) as frames:
        assert {frame.image.shape for frame in frames} == {(64, 48, 3)}
        assert frames.size == (48, 64)


def test_an_image_sequence(tmp_path: Path) -> None:
    for i in range(4):
        cv2.imwrite(str(tmp_path / f'f_{i:02d}.png'), np.full((48, 64), i, np.uint8))
    found = times_of(tmp_path / 'f_%02d.png')
    assert found == pytest.approx([0, 0.04, 0.08, 0.12])


def test_names_with_special_characters(tmp_path: Path) -> None:
    for name in ('a b [1].avi', '50%.avi', 'ü%03d.avi', '0'):
        plain = write_clip(tmp_path / 'plain.avi')
        path = plain.rename(tmp_path / name)
        assert len(times_of(path)) == 6, name


def test_a_colon_in_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(tmp_path / 'a.avi').rename(tmp_path / 'talk 10:30.avi')
    monkeypatch.chdir(tmp_path)
    assert len(times_of(Path('talk 10:30.avi'))) == 6


@pytest.mark.parametrize(
    ('source', 'error', 'message'),
    [
        ('none.mp4', FileNotFoundError, "'none.mp4' does not exist; give a video file"),
        ('.', IsADirectoryError, 'is a folder; give a video file'),
        ('none_%d.png', ValueError, 'cannot decode'),
        ('987', OSError, 'the camera 987 cannot be opened'),
        ('98765432109876', OSError, 'the camera 98765432109876 cannot be opened'),
        ('/dev/video987', OSError, 'the camera /dev/video987 cannot be opened'),
        ('rtsp://me:pass@127.0.0.1:9/x', OSError, "stream 'rtsp://127.0.0.1:9/x' can"),
        ('http://127.0.0.1:9/x.mp4', OSError, 'cannot be opened; check the address'),
    ],
)
def test_sources_that_cannot_be_opened(
    source: str,
    error: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as raised:
        VideoFrames(source)
    assert message in str(raised.value)
    assert 'pass' not in str(raised.value).replace('password', '')
    said = capfd.readouterr().err
    assert 'WARN' not in said and 'ERROR' not in said


def test_addresses_without_password() -> None:
    assert without_password('rtsp://a:b@host/x') == 'rtsp://host/x'
    assert without_password('rtsp://host/x@2') == 'rtsp://host/x@2'
    assert without_password('a@b.mp4') == 'a@b.mp4'
