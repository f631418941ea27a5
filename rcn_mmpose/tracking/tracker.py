"""Following faces from frame to frame by their keypoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..geometry.boxes import box_from_keypoints, training_rule
from ..geometry.overlap import overlap
from .one_euro import OneEuroFilter

if TYPE_CHECKING:
    from ..inference import Predictor

# Boxes that share more of their union are of one face.
SAME_FACE = 0.4


class TrackedFace(NamedTuple):
    """A face in one frame.

    Attributes:
        track: Number of the face, from 0, the same in all frames.
        box: That its crop was made of, (x1, y1, x2, y2) in pixels.
        keypoints: (x, y) in pixels, filtered, float64 (K, 2).
        confidence: Of the keypoints, (K,).
        covariance: Of this frame alone, in squared pixels, (K, 2, 2).
    """

    track: int
    box: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    covariance: np.ndarray


class _Track:
    """A face that is followed."""

    def __init__(self, box: np.ndarray, filter_: OneEuroFilter | None) -> None:
        self.number: int | None = None  # until its first keypoints
        self.box = box
        self.filter = filter_


class FaceTracker:
    """Finds keypoints in the frames of a video.

    The box of a face is made of its keypoints in the last frame, by the rule
    of the model's training boxes. The detector is asked in the first frame,
    in every frame without a face, in one in which a face was lost, and every
    ``every`` frames. A face is lost when the mean confidence of its keypoints
    falls below ``lost``.

    The default of ``lost`` lies between what a 300W model says of faces (120
    of the validation part: 0.77 or more) and of boxes beside them (95 of 100
    below 0.42).

    Args:
        predictor (Predictor): From ``load_model``, its rule for boxes
            ``'given'``.
        detector (Callable): From a frame to boxes (N, 4) such as the model
            was trained on; see :class:`~rcn_mmpose.detect.haar.HaarDetector`.
        lost (float): In [0, 1]. Defaults to 0.5.
        every (int): Frames, at least 1. Defaults to 10.
        new_filter (Callable, optional): Makes the filter of a face; None
            leaves the keypoints as they are. Defaults to
            :class:`~rcn_mmpose.tracking.one_euro.OneEuroFilter` as it is.

    Raises:
        ValueError: If ``lost`` or ``every`` is out of its range, or the
            predictor changes boxes.
    """

    def __init__(
        self,
        predictor: Predictor,
        detector: Callable[[np.ndarray], np.ndarray],
        lost: float = 0.5,
        every: int = 10,
        new_filter: Callable[[], OneEuroFilter] | None = OneEuroFilter,
    ) -> None:
        if not 0 <= lost <= 1 or every < 1:
            raise ValueError(
                f'lost={lost}, every={every}; give a confidence from 0 to 1 '
                'and a number of frames from 1.'
            )
        if dict(predictor.info.box_rule) != dict(rule='given'):
            raise ValueError(
                f'the predictor has box_rule={dict(predictor.info.box_rule)}; '
                'a tracker makes the squares itself: load the model with '
                "box_rule=dict(rule='given')."
            )
        self.predictor = predictor
        self.detector = detector
        self.lost = lost
        self.every = every
        self.new_filter = new_filter
        self.tracks: list[_Track] = []
        self.count = 0  # faces so far
        self.since = every  # frames since the detector was asked

    def __call__(self, frame: np.ndarray, time: float) -> list[TrackedFace]:
        """Find the faces of the next frame.

        Args:
            frame (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
            time (float): In seconds, later than that of the last frame.

        Returns:
            list[TrackedFace]: In the order in which they appeared.
        """
        self.since += 1
        asked = not self.tracks or self.since >= self.every
        if asked:
            self._detect(frame)
        count = len(self.tracks)
        faces = self._follow(frame, time, list(self.tracks))
        if len(faces) < count and not asked:
            known = len(self.tracks)
            self._detect(frame)
            faces += self._follow(frame, time, self.tracks[known:])
        return faces

    def _detect(self, frame: np.ndarray) -> None:
        """Start tracks of faces that are not followed yet."""
        self.since = 0
        for box in self.detector(frame):
            self._start(box)

    def _start(self, box: np.ndarray) -> None:
        """Start a track, unless there is one."""
        known = np.array([track.box for track in self.tracks]).reshape(-1, 4)
        if overlap(box, known).max(initial=0) <= SAME_FACE:
            new = self.new_filter() if self.new_filter else None
            self.tracks.append(_Track(box, new))

    def _follow(
        self, frame: np.ndarray, time: float, tracks: list[_Track]
    ) -> list[TrackedFace]:
        """Predict some of the tracks; those lost are dropped."""
        if not tracks:
            return []
        boxes = [track.box for track in tracks]
        result = self.predictor([frame], [boxes])
        faces, kept = [], np.zeros((0, 4))
        for i, track in enumerate(tracks):
            lost = not result.confidence[i].mean() >= self.lost
            if lost or not result.found[i]:
                self.tracks.remove(track)
                continue
            raw = result.keypoints[i].astype(float)
            box = self._next_box(raw, frame)
            if box is None or overlap(box, kept).max(initial=0) > SAME_FACE:
                self.tracks.remove(track)  # two tracks went to one face
                continue
            kept = np.vstack((kept, box))
            track.box = box
            if track.number is None:
                track.number, self.count = self.count, self.count + 1
            size = float(box[2] - box[0])
            shown = track.filter(raw, time, size) if track.filter else raw
            faces.append(
                TrackedFace(
                    track.number,
                    result.boxes[i],
                    shown,
                    result.confidence[i],
                    result.covariance[i],
                )
            )
        return faces

    def _next_box(self, keypoints: np.ndarray, frame: np.ndarray) -> np.ndarray | None:
        """Box the keypoints as training faces are; None if they span none."""
        try:
            height, width = frame.shape[:2]
            rule = training_rule(len(keypoints))
            return box_from_keypoints(rule, keypoints, (width, height))
        except ValueError:
            return None
