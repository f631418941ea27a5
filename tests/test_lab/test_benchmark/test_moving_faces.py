"""Clips of moving faces, and a tracker that follows them with the small model."""

from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.lab.benchmark.moving_faces import (
    MIDDLE,
    Clip,
    Pose,
    Still,
    crossing_clip,
    expression_clip,
    rendered_stills,
)
from rcn_mmpose.lab.benchmark.video_measures import Seen, mean_of, measure_clip
from rcn_mmpose.tracking import Tracker

FIVE = np.array([(-20, 0), (20, 0), (0, 20), (-15, 40), (15, 40)], float) + 100


def clip_of(poses: list[Pose | None], kind: str = 'fast motion') -> Clip:
    return Clip(kind, [[Still(np.zeros((200, 200, 3), np.uint8), FIVE)]], [poses])


def seen_of(clip: Clip, *offs: np.ndarray | float) -> list[list[Seen]]:
    found = []
    for i in range(len(clip)):
        truth = clip.truth(0, i)
        off = offs[i % len(offs)]
        found.append([] if truth is None else [Seen(0, truth + off)])
    return found


def test_a_constant_offset_is_no_error() -> None:
    clip = clip_of([Pose(MIDDLE, MIDDLE)] * 20)
    found = measure_clip(clip, seen_of(clip, np.array((3.0, 1.0))))
    assert found.error == pytest.approx(0, abs=1e-9)
    assert found.trembling == pytest.approx(0, abs=1e-9)
    assert (found.lost, found.wrong, found.changes) == (0, 0, 0)


def test_error_and_trembling_of_alternating_offsets() -> None:
    """One pixel to each side, of 64 between the eyes: 1.5625 % in each coordinate."""
    clip = clip_of([Pose(MIDDLE, MIDDLE)] * 45)
    found = measure_clip(clip, seen_of(clip, 1.0, -1.0))
    assert found.error == pytest.approx(100 / 64, rel=1e-2)
    assert found.trembling == pytest.approx(2 * 100 / 64 / 2**0.5, rel=1e-2)


def test_keypoints_of_the_frame_before_lag_by_one_frame() -> None:
    poses: list[Pose | None] = [
        Pose(MIDDLE + 5 * (i if i < 20 else 40 - i), MIDDLE) for i in range(40)
    ]
    clip = clip_of(poses)
    truths = [clip.truth(0, max(i - 1, 0)) for i in range(40)]
    found = measure_clip(clip, [[Seen(0, t)] for t in truths if t is not None])
    assert found.trailing == pytest.approx(5, rel=0.02)
    assert found.lag == pytest.approx(1, rel=0.02)


def test_lost_wrong_and_changes() -> None:
    here = Pose(MIDDLE, MIDDLE)
    clip = clip_of([here] * 10 + [None] * 5 + [here] * 5)
    seen = seen_of(clip, 0.0)
    seen[2] = []
    seen[12] = [Seen(0, FIVE)]
    for faces in seen[15:]:
        faces[0].track = 1
    found = measure_clip(clip, seen)
    assert found.lost == pytest.approx(100 / 15)
    assert found.wrong == pytest.approx(100 / 20)
    assert found.changes == 1
    assert mean_of([found, found]).changes == 2


def test_a_mouth_that_opens() -> None:
    clip = expression_clip('choose', 0)
    points = np.array([clip.truth(0, i) for i in range(15)])
    opening = points[:, 66, 1] - points[:, 62, 1]
    assert opening[0] < 2 and opening[7] > 20
    seen = [[Seen(0, points[i % 15])] for i in range(len(clip))]
    assert measure_clip(clip, seen).amplitude == pytest.approx(100)
    half = points.mean(0) + (points - points.mean(0)) / 2
    seen = [[Seen(0, half[i % 15])] for i in range(len(clip))]
    assert measure_clip(clip, seen).amplitude == pytest.approx(50)


# ------------------------------------------------------ the tracker with a network


@pytest.fixture(scope='module')
def stills() -> list[Still]:
    return rendered_stills('choose', 3)


def track(clip: Clip, rate: float = 30.0) -> list[list[Seen]]:
    pytest.importorskip('onnxruntime')
    from rcn_mmpose.detect import HaarDetector

    model = load_model('rcn-5')
    detector = HaarDetector.for_model(model)
    follow = Tracker(model.with_detector(None, detector.box_rule), detector)
    return [
        [Seen(face.track, face.keypoints) for face in follow(image, i / rate)]
        for i, image in enumerate(clip.frames())
    ]


def test_a_full_turn_loses_no_face(stills: list[Still]) -> None:
    poses: list[Pose | None] = [Pose(MIDDLE, MIDDLE, 1, 6 * i) for i in range(60)]
    clip = Clip('full turn', [[stills[2]]], [poses])
    found = measure_clip(clip, track(clip))
    assert (found.lost, found.wrong, found.changes) == (0, 0, 0)
    assert found.error < 1


def test_faces_that_cross_keep_their_numbers(stills: list[Still]) -> None:
    clip = crossing_clip(stills, 2)
    found = measure_clip(clip, track(clip))
    assert found.changes == 0
    assert found.lost < 5


def test_tables_of_recorded_clips() -> None:
    from rcn_mmpose.lab.benchmark.kalman import KalmanFilter
    from rcn_mmpose.lab.benchmark.video_run import record_clip, table_of
    from rcn_mmpose.tracking import OneEuroFilter, TrackedFace

    clip = clip_of([Pose(MIDDLE, MIDDLE)] * 40, 'still')
    rng, count = np.random.default_rng(0), iter(range(40))
    box, spread = np.array((100.0, 100, 300, 300)), np.tile(np.eye(2), (5, 1, 1))

    def noisy(image: np.ndarray, time: float) -> list[TrackedFace]:
        truth = clip.truth(0, next(count))
        assert truth is not None
        points = truth + rng.normal(0, 0.64, truth.shape)  # 1 % of the eye distance
        return [TrackedFace(0, box, points, np.ones(5), spread)]

    recording = record_clip(noisy, clip)
    raw = table_of([recording]).record()['still']
    assert raw['error'] == pytest.approx(1, rel=0.1)
    assert raw['trembling'] == pytest.approx(1, rel=0.1)
    for new_filter, part in ((OneEuroFilter, 0.5), (KalmanFilter, 1.0)):
        calm = table_of([recording], new_filter)
        assert calm.record()['still']['trembling'] < part * raw['trembling']
    assert calm.as_markdown().splitlines()[2].startswith('| still | 1 | ')
