"""Track faces from frame to frame by their keypoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..environment.processes import OwnLock
from ..geometry.boxes import overlap
from ..geometry.keypoints import FIVE_NAMES
from ..geometry.training_boxes import (
    EXTENT,
    EYES_AND_MOUTH,
    training_box_of_keypoints,
)
from .one_euro import OneEuroFilter

if TYPE_CHECKING:
    from ..inference import Failure, Predictor

# Boxes with a larger intersection over union belong to the same face.
SAME_FACE = 0.4


class TrackedFace(NamedTuple):
    """A face in one frame.

    Attributes:
        track: Number of the face, from 0, the same in all frames.
        box: The box that was cropped, (x1, y1, x2, y2) in pixels.
        keypoints: (x, y) in pixels, filtered, float64 (K, 2).
        confidence: Confidence of each keypoint, (K,).
        covariance: Covariance of each keypoint in this frame, without the
            filter, in squared pixels, (K, 2, 2).
    """

    track: int
    box: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    covariance: np.ndarray


class _Track:
    """A face that is tracked."""

    def __init__(self, box: np.ndarray, filter_: OneEuroFilter | None) -> None:
        self.number: int | None = None  # None until the first keypoints
        self.box = box
        self.filter = filter_


class NetworkError(RuntimeError):
    """The network failed for a frame."""


class FaceTracker:
    """Tracks the faces of a video and finds their keypoints.

    A tracker follows one video and is called by one thread at a time: another call
    meanwhile raises an error. Trackers may share predictor and detector. After an
    error of detector or network, the next frame may be given.

    The box of a face is computed from its keypoints in the last frame, by the
    rule of the model's training boxes. The detector runs in the first frame, in
    every frame without a face, in every frame in which a face is lost, and
    every ``every`` frames. A face is lost when the mean confidence of its
    keypoints falls below the threshold ``lost``. When the frame size changes, all
    faces are lost.

    The default of ``lost`` separates the confidences of a 300W model on faces
    (120 of the validation part: 0.77 or more) from those on boxes beside faces
    (95 of 100: below 0.42).

    Args:
        predictor (Predictor): A model from ``load_model`` with the box rule
            ``'given'``.
        detector (Callable): A function that returns the boxes (N, 4) of a
            frame, of the kind that the model was trained on; see
            :class:`~rcn_mmpose.detect.haar.HaarDetector`.
        lost (float): Threshold of the confidence, in [0, 1]. Defaults to 0.5.
        every (int): Number of frames between two runs of the detector, at least
            1. Defaults to 10.
        new_filter (Callable, optional): A function that returns a new filter
            for a face. With None, keypoints are not filtered. Defaults to
            :class:`~rcn_mmpose.tracking.one_euro.OneEuroFilter` with its
            default options.

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
                'and a number of frames of 1 or more.'
            )
        if dict(predictor.info.box_rule) != dict(rule='given'):
            raise ValueError(
                f'the predictor has box_rule={dict(predictor.info.box_rule)}; '
                'a tracker computes the boxes itself: load the model with '
                "box_rule=dict(rule='given')."
            )
        self.predictor = predictor
        # How the boxes of the training follow from keypoints.
        known = EYES_AND_MOUTH if predictor.info.keypoints == FIVE_NAMES else EXTENT
        self.rule = {**known, **predictor.info.training_boxes}['keypoints']
        self.detector = detector
        self.lost = lost
        self.every = every
        self.new_filter = new_filter
        self.tracks: list[_Track] = []
        self.count = 0  # number of faces so far
        self.since = every  # frames since the detector ran
        self.size = (0, 0)  # height and width of the last frame
        self._busy = OwnLock()

    def __call__(self, frame: np.ndarray, time: float) -> list[TrackedFace]:
        """Find the faces of the next frame.

        Args:
            frame (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
            time (float): Time of the frame in seconds, later than that of the
                last frame.

        Returns:
            list[TrackedFace]: The faces, in the order of their track numbers.

        Raises:
            NetworkError: If the network fails.
            RuntimeError: If another thread is calling this tracker.
            Exception: What the detector raises.
        """
        if not self._busy.lock.acquire(blocking=False):
            raise RuntimeError(
                'this tracker is following a frame in another thread; make one '
                'FaceTracker for each video (they may share predictor and detector), '
                'and give it the frames one after the other.'
            )
        try:
            return self._next(frame, time)
        finally:
            self._busy.lock.release()

    def _next(self, frame: np.ndarray, time: float) -> list[TrackedFace]:
        """Find the faces of the next frame."""
        if frame.shape[:2] != self.size:
            # Boxes in pixels of the last frame mean nothing in this one.
            self.size = frame.shape[0], frame.shape[1]
            self.tracks.clear()
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
        """Run the detector and start a track for each new face."""
        self.since = 0
        for box in self.detector(frame):
            self._start(box)

    def _start(self, box: np.ndarray) -> None:
        """Start a track, unless a track of this face exists."""
        known = np.array([track.box for track in self.tracks]).reshape(-1, 4)
        if overlap(box, known).max(initial=0) <= SAME_FACE:
            new = self.new_filter() if self.new_filter else None
            self.tracks.append(_Track(box, new))

    def _follow(
        self, frame: np.ndarray, time: float, tracks: list[_Track]
    ) -> list[TrackedFace]:
        """Predict the keypoints of tracks and remove lost tracks."""
        if not tracks:
            return []
        boxes = [track.box for track in tracks]
        result = self.predictor([frame], [boxes])
        for failure in result.failures:
            self._check(frame, boxes, failure)
        faces, kept = [], np.zeros((0, 4))
        for i, track in enumerate(tracks):
            lost = not result.confidence[i].mean() >= self.lost
            if lost or not result.found[i]:
                self.tracks.remove(track)
                continue
            raw = result.keypoints[i].astype(float)
            box = self._next_box(raw, frame)
            if box is None or overlap(box, kept).max(initial=0) > SAME_FACE:
                self.tracks.remove(track)  # two tracks moved to one face
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

    def _check(
        self, frame: np.ndarray, boxes: list[np.ndarray], failure: Failure
    ) -> None:
        """Raise an error of the network; a box outside the frame is a lost face."""
        if failure.face is not None:
            try:
                self.predictor.crop(frame, boxes[failure.face])
            except ValueError:
                return
        raise NetworkError(failure.reason)

    def _next_box(self, keypoints: np.ndarray, frame: np.ndarray) -> np.ndarray | None:
        """Return the box of keypoints by the training rule, or None if empty."""
        try:
            height, width = frame.shape[:2]
            return training_box_of_keypoints(keypoints, (width, height), self.rule)
        except ValueError:
            return None
