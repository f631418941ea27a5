"""The video of ``rcn-mmpose video --draw``.

Only ``--draw`` imports this module.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..geometry.keypoints import known_lines
from ..image.drawing import draw_keypoints
from ..image.limits import check_path
from ..io.atomic import DRAFT

if TYPE_CHECKING:
    from ..tracking.frames import VideoFrame
    from ..tracking.tracker import TrackedFace

CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}
# The drawn video has a constant frame rate. A frame may be early or late by so
# many frames before it is left out or the one before it is repeated.
TOLERANCE = 1.1
LONGEST_GAP = 3600  # seconds for which a frame is repeated


class DrawnVideo:
    """Writes frames with drawn faces to a video, which appears when it is complete.

    The video has a constant frame rate and the duration of the frames: a frame is
    repeated until the time of the next one. A frame of another size is fitted
    into the size of the first one.

    Args:
        path (str): The video, .mp4 or .avi; its folder is made if needed.
        rate (float): Frames per second.
        names (Sequence[str]): Names of the K keypoints.
        ellipses (bool): Whether to draw ellipses with 90 % of the probability.
        **style (Any): ``radius`` and ``box`` of
            :func:`~rcn_mmpose.image.drawing.draw_keypoints`.

    Raises:
        OSError: If the video cannot be written.
    """

    def __init__(
        self,
        path: str,
        rate: float,
        names: Sequence[str],
        ellipses: bool,
        **style: Any,
    ) -> None:
        self.path = path
        self.rate = rate
        self.ellipses = ellipses
        self.style = dict(style, lines=known_lines(names))
        self.count = 0  # frames in the video
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last: np.ndarray | None = None
        check_path(os.path.abspath(path))
        folder, name = os.path.split(os.path.abspath(path))
        ending = os.path.splitext(name)[1].lower()
        self._code = cv2.VideoWriter.fourcc(*CODECS[ending])
        # OpenCV chooses the format by the ending.
        draft = f'{name[:50]}.{secrets.token_hex(8)}{DRAFT}{ending}'
        self._draft = os.path.join(folder, draft)
        try:
            os.makedirs(folder, exist_ok=True)
            open(self._draft, 'xb').close()  # with the permissions of the umask
        except OSError as error:
            raise OSError(
                f'--draw {path!r} cannot be written: {error.strerror}.'
            ) from error

    def __enter__(self) -> DrawnVideo:
        """Return the video."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the video, also after an error, and move it into place."""
        try:
            if self._writer is not None:
                self._writer.release()
                self._check()
                os.replace(self._draft, self.path)
        except OSError:
            if error is None:
                raise
        finally:
            if os.path.exists(self._draft):
                os.unlink(self._draft)

    def add(self, frame: VideoFrame, faces: Sequence[TrackedFace]) -> None:
        """Draw the faces of the next frame."""
        due = frame.time * self.rate
        if self.count - due > TOLERANCE:
            return
        longest = self.count + LONGEST_GAP * self.rate
        while self._last is not None and TOLERANCE < due - self.count:
            if self.count > longest:
                break
            self._write(self._last)
        fields = zip(*faces, strict=True) if faces else ((),) * 5
        numbers, boxes, keypoints, confidence, covariance = fields
        self._last = draw_keypoints(
            frame.image,
            keypoints,
            confidence,
            boxes,
            covariance if self.ellipses else None,
            numbers=numbers,
            **self.style,
        )
        self._write(self._last)

    def _write(self, image: np.ndarray) -> None:
        """Write one frame."""
        size = image.shape[1::-1]
        if self._writer is None:
            self._size = size
            self._writer = cv2.VideoWriter(self._draft, self._code, self.rate, size)
            if not self._writer.isOpened():
                raise OSError(f'this OpenCV cannot write {self.path!r}; try .avi.')
        if size != self._size:
            image = _fit(image, self._size)
        self._writer.write(image)
        self.count += 1

    def _check(self) -> None:
        """Check that no frame is missing; OpenCV does not tell that a disk is full."""
        written = cv2.VideoCapture(self._draft)
        found = int(max(written.get(cv2.CAP_PROP_FRAME_COUNT), 0))
        written.release()
        if found < self.count:
            raise OSError(
                f'--draw {self.path!r}: {found} of {self.count} frames could be '
                'written; is the disk full?'
            )


def _fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image into a size (width, height), with black borders."""
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    fitted[top : top + inner[1], left : left + inner[0]] = small
    return fitted
