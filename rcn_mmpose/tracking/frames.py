"""Frames of a video file, a camera or a stream, with the time of each frame."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from itertools import islice
from time import monotonic
from typing import NamedTuple

import numpy as np

from ..environment.missing import named_cure
from ..image.limits import check_path
from .containers import check_container
from .size_watch import SizeWatch

with named_cure():
    import cv2

DEFAULT_RATE = 25.0
# Without a frame rate FFmpeg returns the ticks per second of the time stamps.
TICKS = 1000.0
# Fraction of the frames in the header that a complete video has: many headers
# estimate the number from the duration.
COMPLETE = 0.9
# A damaged frame fails, and the next one may succeed. At the end all fail. A
# failure of a stream may last 30 seconds.
READ_ATTEMPTS, LIVE_ATTEMPTS = 20, 2
FARTHEST = 1e11  # seconds; a larger time stamp stands for an unknown one
LOOKED_AT = 100  # first frames that tell the shortest time between frames
FINEST = 240.0  # frames per second of a copy, if the header names fewer


class VideoFrame(NamedTuple):
    """A frame of a video.

    Attributes:
        image: uint8, (H, W, 3) BGR, upright by the file's orientation.
        time: Seconds since the first frame.
    """

    image: np.ndarray
    time: float


class FrameClock:
    """Makes rising times of the time stamps of a video.

    A time is the difference of two time stamps wherever they rise. A time stamp
    that is missing (0, NaN or absurdly large) counts as one frame after the last
    one. One that repeats, or lies a little behind, is put a quarter of a frame
    after the last one, so that the clock of the video goes on unchanged. Time
    stamps that go back further and rise from there, as in joined recordings,
    continue from the last frame.

    Args:
        rate (float): Frames per second where time stamps are missing, above 0.
        live (bool): Whether the frames come as they happen. The clock of the
            computer then replaces missing time stamps. Defaults to False.
    """

    def __init__(self, rate: float, live: bool = False) -> None:
        self.rate = rate
        self.live = live
        self.time: float | None = None
        self._origin: float | None = None  # time stamp of the time 0
        self._behind: tuple[float, float] | None = None  # time stamp and time
        self._risen = False  # whether a time stamp rose
        self._step = 1 / rate  # the last step between two times, at most 1 / rate
        # Time of the last frame with a time stamp; frames since then; when one came.
        self._base, self._frames, self._read = 0.0, 0, 0.0

    def __call__(self, stamp: float) -> float:
        """Return the time of the next frame.

        Args:
            stamp (float): Its time stamp in seconds.

        Returns:
            float: Seconds since the first frame, above those of the last frame.
        """
        now = monotonic()
        known = math.isfinite(stamp) and abs(stamp) < FARTHEST
        if self.time is None:
            self.time, self._origin = 0.0, stamp if known else None
        elif known and stamp != 0:  # OpenCV returns 0 for an unknown time stamp
            self._follow(stamp, now)
        else:
            self.time = self._estimate(now)
            if stamp == 0 and not self._risen:
                self._behind = stamp, self.time  # negative ones that a reader cut
        self._read = now
        return self.time

    def _follow(self, stamp: float, now: float) -> None:
        """Set the time of a frame with a time stamp."""
        assert self.time is not None
        if self._origin is None:
            self._origin = stamp - self._estimate(now)
        time = stamp - self._origin
        if time <= self.time and self._behind and stamp > self._behind[0]:
            self._origin = self._behind[0] - self._behind[1]
            time = stamp - self._origin
        if time > self.time:
            self._risen = True
            self._step = min(time - self.time, 1 / self.rate)
            self._base, self._frames, self._behind = time, 0, None
        elif self.time - time > 1 / self.rate:
            time = self._estimate(now)
            self._behind = stamp, time
        else:
            time = self.time + self._step / 4
            self._base, self._frames, self._behind = time, 0, (stamp, time)
        self.time = time

    def _estimate(self, now: float) -> float:
        """Return the time of a frame without a time stamp."""
        assert self.time is not None
        if self.live:
            return self.time + max(now - self._read, 1e-3)
        self._frames += 1
        return self._base + self._frames / self.rate


class VideoFrames:
    """Reads the frames of a video, one after the other.

    Args:
        source (str): A video file; a pattern of an image sequence such as
            ``'frame_%04d.png'``; the number of a camera; or the address of a
            stream, with ``://``.

    Attributes:
        name: The source without a password, for messages.
        live: Whether the frames come as they happen, without a known end.
        rate: Frames per second by the header, or 25.
        assumed: Whether the header has no frame rate.
        total: Number of frames by the header; None if it is unknown.
        count: Number of frames so far.
        time: Time of the last frame in seconds.
        size: Width and height of the last frame.
        damaged: Number of frames that could not be decoded, so far.

    Raises:
        OSError: If there is no such file, camera or stream.
        ValueError: If the file is not a video that OpenCV can decode.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.name = without_password(source)
        if os.path.isfile(source):
            check_container(source)
        self._capture = _open(source, self.name)
        self._header_rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.assumed = not 0 < self._header_rate < TICKS
        self.rate = DEFAULT_RATE if self.assumed else self._header_rate
        total = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.total = int(total) if 0 < total < 2**31 else None
        self.live = self.total is None and not os.path.isfile(source)
        self.count, self.time, self.size, self.damaged = 0, 0.0, (0, 0), 0
        self._start = 0.0  # time stamp of the first frame, in frames
        self._change = ''  # of the frame size
        whole = not (self.live or is_stream(source))
        self._watch = SizeWatch(os.path.abspath(source)) if whole else None

    def __enter__(self) -> VideoFrames:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the video."""
        self._capture.release()
        if self._watch:
            self._watch.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yield the frames, up to a change of the size that OpenCV cannot follow."""
        clock, failed = FrameClock(self.rate, self.live), 0
        while self._grab():
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            # Before the frame is converted, which reads outside of a smaller frame.
            if self._watch and self._watch.changes(stamp):
                width, height = self.size
                self._change = (
                    f'the frame size changes at frame {self.count}; OpenCV cannot '
                    'decode the frames from there on, and they are left out. Scale '
                    f'the video to one size: ffmpeg -i {self.name} -vf '
                    f'scale={width}:{height} scaled.mp4'
                )
                return
            image = self._retrieve()
            if image is None:
                self.damaged += 1
                failed += 1
                if failed < READ_ATTEMPTS:
                    continue
                return
            failed = 0
            size = image.shape[1], image.shape[0]
            if self.count and size != self.size and not self._change:
                self._change = (
                    f'the frame size changes at frame {self.count} from {self.size} to '
                    f'{size}; keypoints are in pixels of their own frame.'
                )
            if not self.count and hasattr(cv2, 'CAP_PROP_PTS'):
                self._start = max(self._capture.get(cv2.CAP_PROP_PTS), 0.0)
            self.size = size
            self.count += 1
            self.time = clock(stamp / 1000)
            yield VideoFrame(image, self.time)

    def _grab(self) -> bool:
        """Go to the next frame that can be decoded; return False at the end."""
        for failed in range(LIVE_ATTEMPTS if self.live else READ_ATTEMPTS):
            if self._capture.grab():
                self.damaged += failed
                return True
        return False

    def _retrieve(self) -> np.ndarray | None:
        """Return the image of the frame, or None if it is damaged."""
        try:
            there, image = self._capture.retrieve()
        except cv2.error:
            return None
        return image if there else None

    def problems(self, ended: bool = True) -> list[str]:
        """Return what is wrong with the frames so far, in sentences.

        Args:
            ended (bool): Whether the video ended by itself. Defaults to True.
        """
        found = []
        if self.damaged:
            found.append(f'{self.damaged} of the frames could not be decoded.')
        if self._change:
            found.append(self._change)
        elif ended and self._is_cut_short():
            found.append(
                f'the video ended after {self.count} of the {self.total} frames '
                'that its header names; the file may be cut short, or it hides frames.'
            )
        return found

    def _is_cut_short(self) -> bool:
        """Whether fewer frames came than the header promises."""
        if self.total is None or self.count >= COMPLETE * self.total:
            return False
        # A header without a number of frames estimates it from the duration,
        # which is wrong if the frame rate varies.
        seconds = self.time + (1 + self._start) / self._header_rate
        return seconds < COMPLETE * self.total / self._header_rate

    def finest_rate(self) -> float:
        """Return a frame rate at which a copy loses no frame.

        It is the rate of the header, unless the first frames of the file come in
        another one, as with a variable frame rate.
        """
        if self.live:
            return self.rate
        with VideoFrames(self.source) as frames:
            times = [frame.time for frame in islice(frames, LOOKED_AT)]
        if len(times) < 2:
            return self.rate
        # A few frames may share a time stamp.
        finest = 1 / float(np.quantile(np.diff(times), 0.1))
        if not self.assumed and 2 / 3 < finest / self.rate < 3 / 2:
            return self.rate
        return min(finest, max(self.rate, FINEST))


def is_camera(source: str) -> bool:
    """Whether a source is the number of a camera."""
    return source.isdecimal() and not os.path.exists(source)


def is_stream(source: str) -> bool:
    """Whether a source is the address of a stream."""
    return '://' in source


def without_password(source: str) -> str:
    """Return the address of a stream without user and password."""
    return re.sub(r'(?<=://)[^/@]*@', '', source) if is_stream(source) else source


def _open(source: str, name: str) -> cv2.VideoCapture:
    """Open a video, or raise one error that says why not."""
    if is_camera(source) or source.startswith('/dev/video'):
        return _open_camera(source)
    if is_stream(source):
        capture = cv2.VideoCapture(source)
        if not capture.isOpened():
            raise OSError(
                f'the stream {name!r} cannot be opened; check the address, the '
                'network, and the user and password.'
            )
        return capture
    if os.path.isdir(source):
        raise IsADirectoryError(f'{source!r} is a folder; give a video file.')
    if not os.path.exists(source) and not re.search(r'%0?\d*d', source):
        raise FileNotFoundError(
            f'video {source!r} does not exist; give a video file, the number of a '
            "camera such as 0, or a stream such as 'rtsp://...'."
        )
    check_path(os.path.abspath(source))
    # FFmpeg reads a colon in a relative path as the end of a protocol.
    capture = cv2.VideoCapture(os.path.abspath(source))
    if not capture.isOpened():
        raise ValueError(
            f'OpenCV cannot decode the video {source!r}; convert it to MP4 (H.264).'
        )
    return capture


def _open_camera(source: str) -> cv2.VideoCapture:
    """Open a camera."""
    level = cv2.getLogLevel()
    cv2.setLogLevel(0)  # OpenCV prints several lines for each missing camera.
    try:
        number = int(source) if source.isdecimal() else source
        capture = cv2.VideoCapture(number)
    except (OverflowError, cv2.error):
        capture = cv2.VideoCapture()
    finally:
        cv2.setLogLevel(level)
    if not capture.isOpened():
        raise OSError(
            f'the camera {source} cannot be opened; check that it is connected, '
            'that no other program uses it, and that you may read it (on Linux '
            '/dev/video*).'
        )
    return capture
