"""Measures of tracked keypoints against the truth of a clip.

All errors are residuals in the frame of the still, in % of its eye distance, without
the constant offset of each keypoint: a model that marks the mouth a little lower in
every frame is not unsteady.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from ...geometry.keypoints import five_from_68
from .moving_faces import Clip

NEAR = 0.35  # mean error of a right face, in eye distances
MOVING = 2.0  # pixels a frame; slower motion says nothing about lag
SETTLED = 0.1  # of a jump


@dataclass
class Seen:
    """A tracked face in a frame: its number and its keypoints, (K, 2)."""

    track: int
    keypoints: np.ndarray


@dataclass
class ClipMeasures:
    """Measures of one or more clips; NaN where a clip does not show one.

    Attributes:
        error: RMS of a coordinate of the residuals without the constant offset, %.
        trembling: RMS of its change from frame to frame, divided by the root of
            2, %: equal to the error for independent frames.
        trailing: Mean distance behind the truth along the motion, pixels.
        lag: Trailing in frames.
        settling: Frames until a jump is followed to nine tenths.
        amplitude: Amplitude of the mouth's opening, % of the truth.
        lost: Frames in which a visible face is missing, %.
        wrong: Tracked faces that are none, % of the frames.
        changes: Number changes of all faces.
    """

    error: float = np.nan
    trembling: float = np.nan
    trailing: float = np.nan
    lag: float = np.nan
    settling: float = np.nan
    amplitude: float = np.nan
    lost: float = 0.0
    wrong: float = 0.0
    changes: float = 0.0


@dataclass
class _Follow:
    """What was seen of one true face."""

    frames: list[int] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)


def comparable(points: np.ndarray, count: int) -> np.ndarray:
    """Return keypoints as a set of a given number: 68 become five."""
    return five_from_68(points) if len(points) == 68 and count == 5 else points


def measure_clip(clip: Clip, seen: Sequence[Sequence[Seen]]) -> ClipMeasures:
    """Measure the tracked faces of a clip.

    Args:
        clip (Clip): The clip.
        seen (Sequence[Sequence[Seen]]): The tracked faces of each frame.
    """
    follows = [_Follow() for _ in clip.stills]
    wrong = lost = present = 0
    for frame, faces in enumerate(seen):
        truths = [clip.truth(face, frame) for face in range(len(follows))]
        pairs = _pairs(truths, faces)
        for face, follow in enumerate(follows):
            if truths[face] is None:
                continue
            hidden = clip.hidden(face, frame)
            present += not hidden
            if face not in pairs:
                lost += not hidden
                continue
            near = pairs[face]
            follow.frames.append(frame)
            follow.points.append(near.keypoints)
            follow.tracks.append(near.track)
        hides = any(clip.hidden(f, frame) for f in range(len(follows)))
        wrong += 0 if hides else len(faces) - len(pairs)
    rows = [_of_face(clip, i, f) for i, f in enumerate(follows) if len(f.frames) > 2]
    found = mean_of(rows) if rows else ClipMeasures()
    found.lost = 100 * lost / max(present, 1)
    found.wrong = 100 * wrong / len(seen)
    found.changes = float(
        sum(np.count_nonzero(np.diff(follow.tracks)) for follow in follows)
    )
    return found


def mean_of(rows: Sequence[ClipMeasures]) -> ClipMeasures:
    """Return the mean of measures; number changes are added."""
    found = ClipMeasures()
    for entry in fields(ClipMeasures):
        values = np.array([getattr(row, entry.name) for row in rows], float)
        values = values[np.isfinite(values)]
        if entry.name == 'changes':
            found.changes = float(values.sum())
        elif len(values):
            setattr(found, entry.name, float(values.mean()))
    return found


def _pairs(
    truths: Sequence[np.ndarray | None], faces: Sequence[Seen]
) -> dict[int, Seen]:
    """Return the tracked face of each true face, the nearest pairs first."""
    errors = []
    for i, truth in enumerate(truths):
        if truth is None:
            continue
        five = comparable(truth, 5)
        eye = np.linalg.norm(five[1] - five[0])
        for k, face in enumerate(faces):
            off = np.linalg.norm(comparable(face.keypoints, 5) - five, axis=1)
            errors.append((float(off.mean() / eye), i, k))
    found: dict[int, Seen] = {}
    taken = set()
    for error, i, k in sorted(errors):
        if error < NEAR and i not in found and k not in taken:
            found[i] = faces[k]
            taken.add(k)
    return found


def _of_face(clip: Clip, face: int, follow: _Follow) -> ClipMeasures:
    """Measure one face of a clip."""
    count = len(follow.points[0])
    frames = [k for k in range(len(follow.frames)) if follow.frames[k] >= 5]
    found = ClipMeasures()
    if len(frames) < 3 or len(clip.stills[face][0].keypoints) < count:
        return found
    still = clip.stills[face][0].five
    eye = np.linalg.norm(still[1] - still[0])
    residuals, images, speeds, truths = [], [], [], []
    for k in frames:
        frame = follow.frames[k]
        truth, matrix = clip.truth(face, frame), clip.matrix(face, frame)
        before = clip.truth(face, frame - 1)
        assert truth is not None and matrix is not None
        truth = comparable(truth, count)
        truths.append(truth)
        speeds.append(
            np.zeros_like(truth)
            if before is None
            else truth - comparable(before, count)
        )
        off = follow.points[k] - truth
        images.append(off)
        residuals.append(off @ np.linalg.inv(matrix[:, :2]).T)
    offs = np.array(residuals)
    offset = offs.mean(0)
    if clip.kind == 'jump':  # the offset is that of the frames at rest
        offset = offs[-15:].mean(0)
    offs = 100 * (offs - offset) / eye
    places = np.array([follow.frames[k] for k in frames])
    steps = np.diff(offs, axis=0)[np.diff(places) == 1]
    found.error = float(np.sqrt((offs**2).mean()))
    found.trembling = float(np.sqrt((steps**2).mean() / 2))
    _add_lag(found, np.array(images), np.array(speeds))
    if clip.kind == 'jump':
        found.settling = _settling(clip, face, follow)
    if clip.kind.startswith('expression'):
        found.amplitude = _amplitude(np.array(truths), np.array(follow.points)[frames])
    return found


def _add_lag(found: ClipMeasures, offs: np.ndarray, speeds: np.ndarray) -> None:
    """Add trailing and lag."""
    offs = offs - offs.mean(0)
    speed = np.linalg.norm(speeds, axis=-1)
    moving = speed > MOVING
    if moving.mean() < 0.2:
        return
    along = (offs * speeds).sum(-1)[moving]
    found.trailing = float(-(along / speed[moving]).mean())
    found.lag = float(-along.sum() / (speed[moving] ** 2).sum())


def _settling(clip: Clip, face: int, follow: _Follow) -> float:
    """Return the frames after a jump until nine tenths of it are followed."""
    places = [clip.poses[face][frame] for frame in follow.frames]
    start, end = places[0], places[-1]
    assert start is not None and end is not None
    jump = next(i for i, pose in enumerate(places) if pose == end)
    x = np.array([points[:, 0].mean() for points in follow.points])
    rest, way = x[-15:].mean(), end.x - start.x
    away = np.flatnonzero(np.abs(x[jump:] - rest) > SETTLED * abs(way))
    return float(away[-1] + 1 if len(away) else 0)


def _amplitude(truths: np.ndarray, points: np.ndarray) -> float:
    """Return the amplitude of the mouth in % of the truth.

    With 68 keypoints, its opening counts, and with five keypoints its width.
    """

    def opening(faces: np.ndarray) -> np.ndarray:
        if faces.shape[1] == 68:
            return faces[:, 66, 1] - faces[:, 62, 1]
        return faces[:, 4, 0] - faces[:, 3, 0]

    wanted, found = opening(truths), opening(points)
    count = len(wanted)
    wave = np.exp(-2j * np.pi * np.arange(count) / 15)  # 2 Hz at 30 frames a second
    return float(
        100 * abs((found - found.mean()) @ wave) / abs((wanted - wanted.mean()) @ wave)
    )
