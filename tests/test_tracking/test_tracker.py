"""The tracker on bright squares, which a test double finds without a network."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest

from rcn_mmpose.geometry.boxes import box_from_extent
from rcn_mmpose.inference import ModelInfo, Predictor
from rcn_mmpose.tracking.one_euro import OneEuroFilter
from rcn_mmpose.tracking.tracker import NetworkError, Tracker

SIDE, NAN = 24, math.nan


class Squares(Predictor):
    """Finds two corners of a bright square; its brightness is the confidence."""

    def _run(self, crops: np.ndarray) -> tuple:
        points = np.zeros((len(crops), 2, 2), np.float32)
        for i, crop in enumerate(crops):
            y, x = np.nonzero(crop > 40)
            if len(x):
                points[i] = (x.min(), y.min()), (x.max(), y.max())
        bright = crops.max((1, 2)).astype(np.float32) / 255
        spread = np.broadcast_to(np.eye(2), (len(crops), 2, 2, 2))
        return points, np.stack((bright, bright), -1), spread


class Detector:
    """Returns the boxes of squares brighter than 40, and records its frames."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.now = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked.append(self.now)
        mask = (image > 40).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        corners = [
            np.array([(x, y), (x + w - 1, y + h - 1)], float)
            for x, y, w, h, _ in stats[1:]
        ]
        boxes = [box_from_extent(corner) for corner in corners]
        return np.array(boxes).reshape(-1, 4)


def frame(*squares: tuple[int, int, int]) -> np.ndarray:
    """Draw squares, each given by x, y and brightness."""
    image = np.zeros((120, 300), np.uint8)
    for x, y, value in squares:
        image[y : y + SIDE, x : x + SIDE] = value
    return image


def run(frames: list[np.ndarray], **options: Any) -> tuple[list, Detector]:
    """Track faces; return the faces of each frame and the detector."""
    detector = Detector()
    options.setdefault('new_filter', None)
    options.setdefault('dead_zone', 0)
    predictor = Squares(ModelInfo((80, 80), ('a', 'b')))
    tracker = Tracker(predictor, detector, **options)
    found = []
    for i, image in enumerate(frames):
        detector.now = i
        found.append(tracker(image, i / 25))
    return found, detector


def numbers(found: list) -> list[list[int]]:
    return [[face.track for face in faces] for faces in found]


def test_a_face_is_tracked() -> None:
    places = [(20 + 3 * i, 40 + i, 255) for i in range(25)]
    found, detector = run([frame(place) for place in places])
    assert numbers(found) == [[0]] * 25
    for (x, y, _), (face,) in zip(places, found, strict=True):
        corners = [(x, y), (x + SIDE - 1, y + SIDE - 1)]
        np.testing.assert_allclose(face.keypoints, corners, atol=1)
        assert face.confidence.tolist() == [1, 1]
    assert detector.asked == [0, 10, 20]
    # The box comes from the keypoints of the frame before.
    wanted = box_from_extent(found[3][0].keypoints)
    np.testing.assert_allclose(found[4][0].box, wanted, atol=1e-4)


def test_a_lost_face_does_not_end_other_tracks() -> None:
    first, second = (20, 40, 255), (150, 40, 255)
    frames = [frame(first, second)] * 5 + [frame(second)] * 3
    found, detector = run(frames)
    assert numbers(found) == [[0, 1]] * 5 + [[1]] * 3
    assert detector.asked == [0, 5]  # in the frame in which a face is lost


def test_a_face_that_appears_later_is_found() -> None:
    first, second = (20, 40, 255), (150, 40, 255)
    frames = [frame(first)] * 4 + [frame(first, second)] * 8
    found, _ = run(frames, every=6)
    assert numbers(found) == [[0]] * 6 + [[0, 1]] * 6


def test_a_face_that_returns_in_time_keeps_its_number() -> None:
    face = (20, 40, 255)
    frames = [frame(face), frame(face), *[frame()] * 5, frame(face)]
    found, _ = run(frames)
    assert numbers(found) == [[0], [0], *[[]] * 5, [0]]
    found, _ = run(frames, memory=0.1)
    assert [faces for faces in numbers(found) if faces] == [[0], [0]]
    frames += [frame(face)] * 4
    found, _ = run(frames, memory=0.1)
    assert numbers(found)[-1] == [1]
    # Elsewhere it is another face.
    found, _ = run([*frames[:3], *[frame((200, 40, 255))] * 4])
    assert numbers(found)[-1] == [1]


def test_the_detector_pauses_while_there_is_no_face() -> None:
    """25 frames a second for a minute."""
    found, detector = run([frame()] * 1500)
    assert numbers(found) == [[]] * 1500
    assert detector.asked[:6] == [0, 1, 3, 7, 15, 25]
    assert len(detector.asked) < 155
    face = (20, 40, 255)
    _, detector = run([frame(face)] * 3 + [frame()] * 4 + [frame(face)] * 3, memory=0)
    assert detector.asked == [0, 3, 4, 6]
    _, detector = run([frame()] * 5, every=1)
    assert detector.asked == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('time', [1.0, 0.5, NAN, math.inf])
def test_wrong_time_stamps_change_nothing(time: float) -> None:
    follow = tracker()
    image = frame((50, 30, 200))
    follow(image, 1.0)
    with pytest.raises(ValueError, match='give frames in order of time'):
        follow(image, time)
    (face,) = follow(image, 1.1)
    assert face.track == 0


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((40, 40), float),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((0, 40), np.uint8),
        None,
    ],
)
def test_a_frame_that_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'a frame of shape .* give uint8'):
        tracker()(image, 0.0)


def test_a_frame_of_another_size_starts_anew() -> None:
    follow = tracker()
    image = frame((50, 30, 200))
    assert [face.track for face in follow(image, 0.0)] == [0]
    assert [face.track for face in follow(image[:100, :200], 0.1)] == [1]


def test_fifty_faces() -> None:
    places = [(30 * (i % 10) + 4, 30 * (i // 10) + 4, 255) for i in range(50)]
    image = np.zeros((160, 310), np.uint8)
    for x, y, value in places:
        image[y : y + 12, x : x + 12] = value
    follow = tracker()
    for step in range(3):
        found = follow(image, step / 25)
        assert [face.track for face in found] == list(range(50))


def test_a_filter_of_positions_alone_still_works() -> None:
    class Twice:
        def __call__(self, points: np.ndarray, time: float, size: float) -> np.ndarray:
            return 2 * points

    image = frame((20, 40, 255))
    ((raw,),), _ = run([image])
    ((found,),), _ = run([image], new_filter=Twice)
    np.testing.assert_allclose(found.keypoints, 2 * raw.keypoints)
    np.testing.assert_array_equal(found.covariance, raw.covariance)


def test_the_old_name() -> None:
    with pytest.warns(DeprecationWarning, match='FaceTracker is now Tracker'):
        from rcn_mmpose.tracking import FaceTracker
    assert FaceTracker is Tracker


def test_a_face_of_low_confidence_is_lost() -> None:
    frames = [frame((20, 40, value)) for value in (255, 140, 100, 60)]
    found, _ = run(frames)
    assert numbers(found) == [[0], [0], [], []]
    found, _ = run(frames, lost=0.3)
    assert numbers(found) == [[0]] * 3 + [[]]


def test_two_tracks_of_one_face_become_one() -> None:
    def apart(gap: int) -> np.ndarray:
        return frame((100, 40, 255), (100 + gap, 40, 255))

    frames = [apart(gap) for gap in (60, 50, 44, 40, 36, 30, 20, 10, 5, 0, 0)]
    found, _ = run(frames, every=100)
    assert numbers(found)[0] == [0, 1]
    assert numbers(found)[-1] == [0]


def test_the_filter_changes_keypoints_but_not_boxes() -> None:
    places = [(60 + 4 * (i % 2), 40, 255) for i in range(12)]
    frames = [frame(place) for place in places]
    raw, _ = run(frames)
    calm, _ = run(frames, new_filter=OneEuroFilter)
    check = OneEuroFilter()
    for i, ((a,), (b,)) in enumerate(zip(raw, calm, strict=True)):
        np.testing.assert_array_equal(a.box, b.box)
        side = np.ptp(box_from_extent(a.keypoints)[[0, 2]])
        wanted = check(a.keypoints, i / 25, side)
        np.testing.assert_allclose(b.keypoints, wanted, atol=1e-4)
    assert abs(b.keypoints[0, 0] - a.keypoints[0, 0]) > 0.5


def test_invalid_options() -> None:
    predictor = Squares(ModelInfo((80, 80), ('a', 'b')))
    for options in (dict(lost=1.1), dict(lost=-1), dict(every=0)):
        (name,) = options
        with pytest.raises(ValueError, match=f'{name}='):
            Tracker(predictor, Detector(), **options)
    rule = dict(rule='detection')
    predictor = Squares(ModelInfo((80, 80), ('a', 'b'), box_rule=rule))
    with pytest.raises(ValueError, match='a tracker computes the boxes'):
        Tracker(predictor, Detector())


# ------------------------------------------------------- errors, threads, copies


class Interrupted(Squares):
    """A network that fails while ``broken`` is set."""

    broken = False

    def _run(self, crops: np.ndarray) -> tuple:
        if self.broken:
            raise RuntimeError('out of memory')
        return super()._run(crops)


def tracker(kind: type = Squares, detector: Callable | None = None) -> Tracker:
    model = kind(ModelInfo((40, 40), ('a', 'b')))
    return Tracker(model, detector or Detector(), new_filter=None)


def test_an_error_of_the_network_is_raised_and_the_face_stays() -> None:
    follow = tracker(Interrupted)
    image = frame((50, 30, 200))
    (first,) = follow(image, 0.0)
    follow.predictor.broken = True
    for time in (1.0, 2.0):
        with pytest.raises(NetworkError, match='network failed: RuntimeError: out of'):
            follow(image, time)
    follow.predictor.broken = False
    (again,) = follow(image, 3.0)
    assert again.track == first.track == 0
    np.testing.assert_allclose(again.keypoints, first.keypoints, atol=1)


def test_an_error_of_the_detector_is_raised() -> None:
    broken = [True]

    def detector(image: np.ndarray) -> np.ndarray:
        if broken[0]:
            raise cv2.error('x')
        return Detector()(image)

    follow = tracker(detector=detector)
    image = frame((50, 30, 200))
    with pytest.raises(cv2.error):
        follow(image, 0.0)
    broken[0] = False
    assert len(follow(image, 1.0)) == 1


def test_a_shared_tracker_raises() -> None:
    started, released = Event(), Event()

    def detector(image: np.ndarray) -> np.ndarray:
        started.set()
        released.wait(30)
        return Detector()(image)

    follow = tracker(detector=detector)
    image = frame((50, 30, 200))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(follow, image, 0.0)
        started.wait(30)
        try:
            with pytest.raises(RuntimeError, match='one Tracker for each video'):
                follow(image, 1.0)
        finally:
            released.set()
        assert len(first.result()) == 1
    assert len(follow(image, 2.0)) == 1


@pytest.mark.parametrize('threads', [2, 4, 8])
def test_trackers_of_several_videos_share_a_predictor(threads: int) -> None:
    model = Squares(ModelInfo((40, 40), ('a', 'b')))

    def track(video: int) -> list:
        follow = Tracker(model, Detector())
        faces = [
            follow(frame((40 + step * video, 30, 200)), float(step))
            for step in range(12)
        ]
        return [face.keypoints.tolist() for (face,) in faces]

    alone = [track(video) for video in range(8)]
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(track, range(8))) == alone


def test_a_tracker_can_be_copied_and_pickled() -> None:
    follow = tracker()
    images = [frame((50 + step, 30, 200)) for step in range(3)]
    follow(images[0], 0.0)
    twins = deepcopy(follow), pickle.loads(pickle.dumps(follow))
    (expected,) = follow(images[1], 1.0)
    for twin in twins:
        (face,) = twin(images[1], 1.0)
        np.testing.assert_array_equal(face.keypoints, expected.keypoints)
        assert face.track == expected.track
