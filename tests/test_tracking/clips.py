"""Small videos, written by OpenCV, and videos with time stamps of one's choice."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np


def write_clip(
    path: Path,
    frames: int = 6,
    size: tuple[int, int] = (64, 48),
    code: str = 'MJPG',
    rate: float = 10.0,
) -> Path:
    """Write a video whose frame i has the grey value 20 + 10 i."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
    assert writer.isOpened(), path
    for i in range(frames):
        writer.write(np.full((*size[::-1], 3), 20 + 10 * i, np.uint8))
    writer.release()
    return path


def set_times(path: Path, times: Sequence[int]) -> Path:
    """Change the time stamps of a Matroska file of :func:`write_clip`.

    Args:
        path (Path): A clip of 10 frames per second, in JPEG.
        times (Sequence[int]): The time stamp of each frame in milliseconds. In
            Matroska a frame begins with its track (0x81), its time stamp (two
            bytes), and flags (0x80).
    """
    content = bytearray(path.read_bytes())
    places = []
    for i in range(len(times)):
        begin = b'\x81' + struct.pack('>h', 100 * i) + b'\x80\xff\xd8'
        assert content.count(begin) == 1
        places.append(content.index(begin) + 1)
    for place, time in zip(places, times, strict=True):
        content[place : place + 2] = struct.pack('>h', time)
    path.write_bytes(content)
    return path
