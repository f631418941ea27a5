"""Track faces from frame to frame by their keypoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..detect.detections import as_detections
from ..environment.processes import OwnLock
from ..environment.renamed import warn_renamed
from ..geometry.boxes import overlap
from ..geometry.keypoints import FIVE_NAMES
from ..geometry.training_boxes import EXTENT, EYES_AND_MOUTH
from .lost import threshold_of
from .network import predict_squares
from .one_euro import FilteredFace, OneEuroFilter, check_time
from .squares_of_faces import FaceSquare, NextSquare
from .track import Track, check_frame

if TYPE_CHECKING:
    from ..inference import Predictor

# Boxes with a larger intersection over union belong to the same face.
SAME_FACE = 0.4
# A hidden face is seen again this near to its expected place, in sides of its square:
# by the network in the crop of that place, and by the detector.
NEAR, FOUND_AGAIN = 0.25, 1.0
ALIKE = 1.6  # largest ratio of the sizes of one face before and after
# Keypoints that jump this far in a frame, this near to the expected place of another
# face, are those of the other face; in sides of the squares.
JUMP, CLOSE = 0.1, 0.4
MIXED = 1.25  # ratio of the sizes before and after that shows keypoints of two faces


class TrackedFace(NamedTuple):
    """A face in one frame.

    Attributes:
        track: Number of the face, from 0, the same in all frames.
        box: The box that was cropped, (x1, y1, x2, y2) in pixels, before it was
            turned with the face.
        keypoints: (x, y) in pixels, filtered, float64 (K, 2).
        confidence: Confidence of each keypoint, filtered like the keypoint, (K,).
        covariance: Covariance of each keypoint, filtered like the keypoint, in
            squared pixels, (K, 2, 2).
    """

    track: int
    box: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    covariance: np.ndarray


class NetworkError(RuntimeError):
    """The network failed for a frame."""


class Tracker:
    """Tracks the faces of a video, a camera or a queue, and finds their keypoints.

    A tracker follows one source and is called by one thread at a time: another call
    meanwhile raises an error. Trackers may share predictor and detector. After an
    error of detector or network, the next frame may be given.

    The crop of a face follows from its keypoints in the last frame: placed by the
    rule of the model's training boxes and turned with the face. The detector runs in
    the first frame, in a frame in which a face is lost, and every ``every`` frames.
    While no face is seen, it runs after 1, 2, 4, ... frames, at most ``every``.

    A face is lost when the mean confidence of its keypoints falls below ``lost``, or
    when a surer face is at the same place. A lost face keeps its number for
    ``memory`` seconds: it returns under this number near the place to which it was
    moving; later, or elsewhere, it gets a new number. When the frame size changes,
    all faces are forgotten.

    Args:
        predictor (Predictor): A model from ``load_model`` with the box rule
            ``'given'``.
        detector (Callable): A function that returns the boxes (N, 4) of a
            frame, of the kind that the model was trained on, or
            :class:`~rcn_mmpose.detect.detections.Detections`; see
            :class:`~rcn_mmpose.detect.haar.HaarDetector`.
        lost (float, optional): Threshold of the confidence, in [0, 1]. Defaults to
            :func:`~rcn_mmpose.tracking.lost.threshold_of` the model.
        every (int): Number of frames between two runs of the detector, at least
            1. Defaults to 10.
        new_filter (Callable, optional): A function that returns a new filter
            for a face. With None, keypoints are not filtered. Defaults to
            :class:`~rcn_mmpose.tracking.one_euro.OneEuroFilter` with its
            default options.
        memory (float): Seconds for which a lost face keeps its number, at least 0.
            Defaults to 2.
        dead_zone (float): Part of the side of the crop by which the face may move
            before the crop follows, from 0 to 0.2. Defaults to 0.015.
        turn (bool): Whether crops turn with the face. Defaults to True.

    Raises:
        ValueError: If an option is out of its range, or the predictor changes boxes.
    """

    def __init__(
        self,
        predictor: Predictor,
        detector: Callable[[np.ndarray], Any],
        lost: float | None = None,
        every: int = 10,
        new_filter: Callable[[], Any] | None = OneEuroFilter,
        *,
        memory: float = 2.0,
        dead_zone: float = 0.015,
        turn: bool = True,
    ) -> None:
        info = predictor.info
        lost = threshold_of(info) if lost is None else lost
        if not 0 <= lost <= 1 or every < 1:
            raise ValueError(
                f'lost={lost}, every={every}; give a confidence from 0 to 1 '
                'and a number of frames of 1 or more.'
            )
        if not (0 <= memory < math.inf and 0 <= dead_zone <= 0.2):
            raise ValueError(
                f'memory={memory}, dead_zone={dead_zone}; give seconds of 0 or more, '
                'and a part of the crop from 0 to 0.2.'
            )
        if dict(info.box_rule) != dict(rule='given'):
            raise ValueError(
                f'the predictor has box_rule={dict(info.box_rule)}; '
                'a tracker computes the boxes itself: load the model with '
                "box_rule=dict(rule='given')."
            )
        self.predictor = predictor
        # How the boxes of the training follow from keypoints.
        rules = EYES_AND_MOUTH if info.keypoints == FIVE_NAMES else EXTENT
        self.rule = {**rules, **info.training_boxes}['keypoints']
        self.next_square = NextSquare(info.keypoints, self.rule, dead_zone, turn)
        self.detector = detector
        self.lost = lost
        self.every = every
        self.new_filter = new_filter
        self.memory = memory
        self.tracks: list[Track] = []
        self.count = 0  # number of faces so far
        self.since = every  # frames since the detector ran
        self.pause = 0  # frames until it runs again while no face is seen
        self.time = -math.inf  # of the last frame
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
            ValueError: If the time is not later than that of the last frame, or the
                frame is not an image. The tracker stays as it was.
            NetworkError: If the network fails.
            RuntimeError: If another thread is calling this tracker.
            Exception: What the detector raises.
        """
        if not self._busy.lock.acquire(blocking=False):
            raise RuntimeError(
                'this tracker is following a frame in another thread; make one '
                'Tracker for each video (they may share predictor and detector), '
                'and give it the frames one after the other.'
            )
        try:
            return self._next(frame, time)
        finally:
            self._busy.lock.release()

    def _next(self, frame: np.ndarray, time: float) -> list[TrackedFace]:
        """Find the faces of the next frame."""
        check_time(time, self.time)
        check_frame(frame)
        if frame.shape[:2] != self.size:
            # Boxes in pixels of the last frame mean nothing in this one.
            self.size = frame.shape[0], frame.shape[1]
            self.tracks.clear()
            self.since = self.every
        self.tracks = [t for t in self.tracks if not self._is_forgotten(t, time)]
        self.since += 1
        seen = sum(not track.hidden for track in self.tracks)
        asked = self.since >= (self.every if seen else self.pause)
        if asked:
            self._detect(frame, time)
        seen = sum(not track.hidden or track.detected for track in self.tracks)
        faces = self._follow(frame, time, list(self.tracks))
        if len(faces) < seen and not asked:
            asked = True
            known = set(map(id, self.tracks))
            self._detect(frame, time)
            new = [t for t in self.tracks if id(t) not in known or t.detected]
            faces += self._follow(frame, time, new)
        if faces:
            self.pause = 0
        elif asked:
            self.pause = min(max(2 * self.pause, 1), self.every)
        self.time = time
        return sorted(faces, key=lambda face: face.track)

    def _is_forgotten(self, track: Track, time: float) -> bool:
        """Whether a hidden face has lost its number."""
        track.detected = track.number is None
        return track.hidden and time - track.time > self.memory

    def _detect(self, frame: np.ndarray, time: float) -> None:
        """Run the detector and start a track for each new face."""
        self.since = 0
        found = as_detections(self.detector(frame), ' of the detector')
        for box, roll in zip(found, found.roll, strict=True):
            self._start(FaceSquare.of_box(box, float(roll)), time)

    def _start(self, square: FaceSquare, time: float) -> None:
        """Start or wake a track, unless a visible track of this face exists."""
        seen = [t.square.box for t in self.tracks if not t.hidden or t.detected]
        known = np.array(seen).reshape(-1, 4)
        if overlap(square.box, known).max(initial=0) > SAME_FACE:
            return
        nearest, least = None, FOUND_AGAIN * square.side
        for track in self.tracks:
            ratio = square.side / track.usual.side
            away = float(np.linalg.norm(track.square_at(time).centre - square.centre))
            if track.hidden and 1 / ALIKE < ratio < ALIKE and away < least:
                nearest, least = track, away
        if nearest is not None:
            nearest.square, nearest.detected = square, True
            return
        self.tracks.append(
            Track(square, self.new_filter() if self.new_filter else None)
        )

    def _follow(
        self, frame: np.ndarray, time: float, tracks: list[Track]
    ) -> list[TrackedFace]:
        """Predict the keypoints of tracks, and hide or remove lost tracks."""
        if not tracks:
            return []
        squares = [track.square_at(time) for track in tracks]
        found = self._predict(frame, squares)
        # The box of a detector is not quite the box of keypoints, and not turned.
        again = [i for i, t in enumerate(tracks) if t.detected and found[i]]
        better: list[FaceSquare] = []
        for i in again:
            square = self._next_square(found[i], frame, None)
            squares[i] = square or squares[i]
            better.append(squares[i])
        for i, face in zip(again, self._predict(frame, better), strict=True):
            found[i] = face
        faces: list[TrackedFace] = []
        shown = [t.square.box for t in self.tracks if t not in tracks and not t.hidden]
        for i in self._surest_first(tracks, squares, found, time):
            track, face = tracks[i], found[i]
            last = None if track.hidden or track.number is None else track.square
            square = self._next_square(face, frame, last)
            boxes = np.array(shown).reshape(-1, 4)
            if (
                square is None
                or face is None
                or self._is_mixed(track, square, time)
                or overlap(square.box, boxes).max(initial=0) > SAME_FACE
            ):
                self._hide(track)
                continue
            shown.append(square.box)
            faces.append(self._show(track, squares[i], square, face, time))
        return faces

    def _surest_first(
        self,
        tracks: list[Track],
        squares: list[FaceSquare],
        found: list[FilteredFace | None],
        time: float,
    ) -> list[int]:
        """Return the tracks whose face was found, the surest first; hide the others.

        A face is sure if it is where its motion leads, and if the network is sure.
        """
        costs = {}
        for i, (track, face) in enumerate(zip(tracks, found, strict=True)):
            sure = 0.0 if face is None else float(np.mean(face.confidence))
            if face is None or not sure >= self.lost:
                self._hide(track)
                continue
            centre = face.keypoints.mean(0)
            away = (
                float(np.linalg.norm(centre - track.expected(time))) / squares[i].side
            )
            if self._is_of_another(track, centre, away * squares[i].side, time) or (
                track.hidden and not track.detected and away > NEAR
            ):
                self._hide(track)
                continue
            late = 2.0 if track.number is None else 1.0 if track.hidden else 0.0
            costs[i] = late + away - 0.2 * sure
        return sorted(costs, key=lambda i: costs[i])

    def _is_of_another(
        self, track: Track, centre: np.ndarray, away: float, time: float
    ) -> bool:
        """Whether the keypoints of a track fit the motion of another track better."""
        if track.number is None or away < JUMP * track.square.side:
            return False
        for other in self.tracks:
            if other is not track and other.number is not None:
                gap = float(np.linalg.norm(centre - other.expected(time)))
                if gap < away or gap < CLOSE * other.square.side:
                    return True
        return False

    def _is_mixed(self, track: Track, square: FaceSquare, time: float) -> bool:
        """Whether keypoints seem to be partly of one face and partly of another."""
        ratio = square.side / track.usual.side
        if track.number is None or track.detected or 1 / MIXED < ratio < MIXED:
            return False
        centre = track.expected(time)
        return track.hidden or any(
            np.linalg.norm(other.expected(time) - centre) < other.usual.side
            for other in self.tracks
            if other is not track
        )

    def _show(
        self,
        track: Track,
        cropped: FaceSquare,
        square: FaceSquare,
        face: FilteredFace,
        time: float,
    ) -> TrackedFace:
        """Note a face that is seen in this frame, and filter it."""
        if track.number is None:
            track.number, self.count = self.count, self.count + 1
        elif track.hidden and self.new_filter:
            track.filter = self.new_filter()
        track.see(face.keypoints, square, time)
        if hasattr(track.filter, 'smooth'):
            face = track.filter.smooth(face, time, square.side)
        elif track.filter:  # a filter of positions alone
            points = track.filter(face.keypoints, time, square.side)
            face = face._replace(keypoints=points)
        return TrackedFace(track.number, cropped.box, *face)

    def _hide(self, track: Track) -> None:
        """Note that a face is not seen in this frame."""
        if track.number is None or not self.memory:
            self.tracks.remove(track)
        track.hidden, track.detected = True, False

    def _next_square(
        self, face: FilteredFace | None, frame: np.ndarray, last: FaceSquare | None
    ) -> FaceSquare | None:
        """Return the next square of a face, or None if there is none."""
        if face is None:
            return None
        size = frame.shape[1], frame.shape[0]
        return self.next_square(face.keypoints, size, last)

    def _predict(
        self, frame: np.ndarray, squares: list[FaceSquare]
    ) -> list[FilteredFace | None]:
        """Run the network; None stands for a square outside the frame."""
        try:
            return predict_squares(self.predictor, frame, squares)
        except Exception as error:
            from ..inference.failure_reasons import reason_of

            raise NetworkError(reason_of(error, 'network')) from error


def __getattr__(name: str) -> Any:
    """Return a class by its old name."""
    if name == 'FaceTracker':
        warn_renamed('FaceTracker', 'Tracker')
        return Tracker
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
