"""Notice a frame size that changes inside a video, which OpenCV hides.

OpenCV's reader keeps the size of the first frame (opencv/opencv#27116). After a
change it returns the last frame again and again, or a mixture of two frames. The
compressed data tell the size, and OpenCV returns them, too.
"""

from __future__ import annotations

import os
import re
import tempfile

from ..environment.missing import named_cure

with named_cure():
    import cv2

# The part of a compressed frame that tells the size, by the code of the format. With
# a file ending the part tells more than the size, and OpenCV must read the size.
UNIT = rb'.*?(?=\x00\x00\x01|\x00\x00\x00|\Z)'  # the rest of a unit
H264 = (rb'\x00\x00\x01[\x07\x27\x47\x67]' + UNIT, '.h264')
HEVC = (rb'\x00\x00\x01\x42\x01' + UNIT, '.hevc')
MPEG4 = (rb'\x00\x00\x01[\x20-\x2f]' + UNIT, '.m4v')
MPEG2 = (rb'\x00\x00\x01\xb3(...)', '')
JPEG = (rb'\xff[\xc0-\xc3]\x00.\x08(....)', '')
FORMATS = {
    **dict.fromkeys((b'h264', b'H264', b'avc1', b'avc3'), H264),
    **dict.fromkeys((b'hevc', b'HEVC', b'hvc1', b'hev1'), HEVC),
    **dict.fromkeys((b'FMP4', b'mp4v', b'XVID', b'DIVX', b'DX50'), MPEG4),
    **dict.fromkeys((b'mpg1', b'mpg2', b'mp2v'), MPEG2),
    **dict.fromkeys((b'MJPG', b'mjpg', b'jpeg'), JPEG),
    b'MPNG': (rb'\A\x89PNG.{8}IHDR(.{8})', ''),
    b'VP80': (rb'\A...\x9d\x01\x2a(....)', ''),
    b'VP90': (rb'\A.\x49\x83\x42(....)', ''),
}
AHEAD = 3  # compressed frames that are read ahead


class SizeWatch:
    """Follows the compressed frames of a video file.

    Formats that are not in ``FORMATS``, and files that OpenCV does not read by
    FFmpeg, are not watched.

    Args:
        path (str): The video file.
    """

    def __init__(self, path: str) -> None:
        self._packets = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        code = max(int(self._packets.get(cv2.CAP_PROP_FOURCC)), 0)
        pattern, self._ending = FORMATS.get(code.to_bytes(8, 'little')[:4], (b'', ''))
        self._pattern = re.compile(pattern, re.DOTALL)
        raw = self._packets.set(cv2.CAP_PROP_FORMAT, -1)  # compressed frames
        self._active = bool(pattern and raw)
        self._sizes: dict[bytes, tuple[int, int] | bytes] = {}  # the first one first
        self._frame, self._stamp = -1, 0.0  # of the last frame
        self._packet = -1  # number of the last compressed frame
        self._changed: tuple[int, float] | None = None  # its number and time stamp

    def close(self) -> None:
        """Close the file."""
        self._packets.release()

    def changes(self, stamp: float) -> bool:
        """Whether the next frame has another size than the first one.

        Args:
            stamp (float): Time stamp of the frame, ``CAP_PROP_POS_MSEC``.
        """
        self._frame += 1
        last, self._stamp = self._stamp, stamp
        while self._active and self._packet < self._frame + AHEAD:
            self._active = self._packets.grab()
            self._packet += 1
            if self._active and self._is_other_size():
                self._changed = self._packet, self._packets.get(cv2.CAP_PROP_POS_MSEC)
                self._active = False
        if self._changed is None:
            return False
        number, time = self._changed
        # A decoder can lose frames before the change. Unknown time stamps are equal.
        early = self._frame >= number - AHEAD and stamp == time != last
        return early or self._frame >= number

    def _is_other_size(self) -> bool:
        """Whether a compressed frame tells another size than the first one."""
        if not self._packets.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME):
            return False
        packet = self._packets.retrieve()[1].tobytes()
        found = self._pattern.search(packet)
        if not found:
            return False
        part = found[found.lastindex or 0]
        if part not in self._sizes:
            size = _size(packet, self._ending) if self._ending else part
            self._sizes[part] = size
        return self._sizes[part] != next(iter(self._sizes.values()))


def _size(packet: bytes, ending: str) -> tuple[int, int]:
    """Return width and height of one compressed frame."""
    handle, path = tempfile.mkstemp(ending)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(packet)
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        sides = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
        width, height = (int(capture.get(side)) for side in sides)
        capture.release()
        return width, height
    finally:
        os.unlink(path)
