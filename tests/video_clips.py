"""Small videos, written by OpenCV, and videos with time stamps of one's choice."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np


def write_video(
    path: Path, frames: Iterable[np.ndarray], code: str = 'MJPG', rate: float = 10.0
) -> Path:
    """Write frames of one size, uint8 (H, W, 3)."""
    first, *others = frames
    fourcc = cv2.VideoWriter.fourcc(*code)
    writer = cv2.VideoWriter(str(path), fourcc, rate, first.shape[1::-1])
    assert writer.isOpened(), path
    for frame in (first, *others):
        writer.write(frame)
    writer.release()
    return path


def write_clip(
    path: Path,
    frames: int = 6,
    size: tuple[int, int] = (64, 48),
    code: str = 'MJPG',
    rate: float = 10.0,
) -> Path:
    """Write a video whose frame i has the grey value 20 + 10 i."""
    shape = (size[1], size[0], 3)
    grey = (np.full(shape, 20 + 10 * i, np.uint8) for i in range(frames))
    return write_video(path, grey, code, rate)


def set_times(path: Path, times: Sequence[int]) -> Path:
    """Change the time stamps of a Matroska file with 10 JPEG frames per second.

    A frame begins with its track (0x81), its time stamp (two bytes, relative to
    its cluster of frames), and flags (0x80).

    Args:
        path (Path): The file.
        times (Sequence[int]): The time stamp of each frame in milliseconds.
    """
    content = bytearray(path.read_bytes())
    begins = list(re.finditer(rb'\x81(..)\x80(?=\xff\xd8\xff)', content, re.DOTALL))
    for i, (begin, time) in enumerate(zip(begins, times, strict=True)):
        (before,) = struct.unpack('>h', begin[1])
        place = slice(*begin.span(1))
        content[place] = struct.pack('>h', before + time - 100 * i)
    path.write_bytes(content)
    return path
