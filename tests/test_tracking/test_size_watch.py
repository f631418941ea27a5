"""A frame size that changes inside a video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import write_clip

from rcn_mmpose.tracking.frames import VideoFrames
from rcn_mmpose.tracking.size_watch import FORMATS, SizeWatch

SMALL, LARGE, WIDE = (64, 48), (128, 96), (128, 48)


def joined(path: Path, code: str, *sizes: tuple[int, int]) -> Path:
    """Join clips of 6 frames; a stream format allows it."""
    parts = []
    for i, size in enumerate(sizes):
        clip = write_clip(path.with_stem(f'part{i}'), 6, size, code)
        parts.append(clip.read_bytes())
    path.write_bytes(b''.join(parts))
    return path


@pytest.mark.parametrize(
    ('name', 'code'),
    [('a.ts', 'mp4v'), ('a.ts', 'mpg2'), ('a.mjpeg', 'MJPG'), ('a.mpg', 'mpg2')],
)
@pytest.mark.parametrize('sizes', [(SMALL, LARGE), (LARGE, SMALL), (SMALL, WIDE)])
def test_frames_of_another_size_are_left_out_and_said(
    name: str, code: str, sizes: tuple, tmp_path: Path
) -> None:
    path = joined(tmp_path / name, code, *sizes)
    width, height = sizes[0]
    with VideoFrames(str(path)) as frames:
        found = [frame.image for frame in frames]
        (problem,) = frames.problems()
    assert 4 <= len(found) <= 6  # MPEG-2 may lose the last frames before a change
    assert f'the frame size changes at frame {len(found)};' in problem
    assert f'scale={width}:{height}' in problem
    for i, image in enumerate(found):
        assert image.shape == (height, width, 3)
        assert image.mean() == pytest.approx(20 + 10 * i, abs=6)


@pytest.mark.parametrize(('name', 'code'), [('a.ts', 'mp4v'), ('a.mjpeg', 'MJPG')])
def test_joined_clips_of_one_size(name: str, code: str, tmp_path: Path) -> None:
    path = joined(tmp_path / name, code, SMALL, SMALL)
    with VideoFrames(str(path)) as frames:
        assert len(list(frames)) == 12
        assert frames.problems() == []


def test_an_image_sequence_whose_size_changes(tmp_path: Path) -> None:
    for ending in ('png', 'jpg'):
        for i in range(4):
            size = (48, 64, 3) if i < 2 else (96, 64, 3)
            cv2.imwrite(str(tmp_path / f'{i}.{ending}'), np.full(size, i, np.uint8))
        with VideoFrames(str(tmp_path / f'%d.{ending}')) as frames:
            assert len(list(frames)) == 2
            assert 'changes at frame 2' in frames.problems()[0]


# Sequence parameter sets of x264 and x265 (160x120, 320x240), and key frames of
# VP8 and VP9 by the start of their headers (RFC 6386, section 9.1; VP9, section 6.2).
@pytest.mark.parametrize(
    ('code', 'packet', 'part'),
    [
        (
            b'avc1',
            '0000000109f0000000016764000bacb20508fcb080000003008000001907'
            '8a15240000000168ebc3cb22c0',
            '0000016764000bacb20508fcb0800000030080000019078a1524',
        ),
        (b'hevc', '00000001420101016000000300900000000001440102', None),
        (b'VP80', 'b007009d012aa000780000470885', 'a0007800'),
        (b'VP90', '824983420009f0077000', '0009f007'),
    ],
)
def test_the_part_that_tells_the_size(
    code: bytes, packet: str, part: str | None
) -> None:
    import re

    pattern, _ = FORMATS[code]
    found = re.search(pattern, bytes.fromhex(packet), re.DOTALL)
    assert found
    if part:
        assert found[found.lastindex or 0].hex() == part
    else:
        assert found[0].hex().startswith('0000014201')


def test_an_unknown_format_is_not_watched(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.flv', code='FLV1')
    watch = SizeWatch(str(path))
    assert not any(watch.changes(100.0 * i) for i in range(8))
    watch.close()
