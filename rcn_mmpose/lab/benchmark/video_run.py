"""Run trackers on clips of moving faces, and put the measures into a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from time import process_time
from typing import Any

import numpy as np

from ...tracking.one_euro import FilteredFace
from .moving_faces import RATE, Clip
from .video_measures import ClipMeasures, Seen, mean_of, measure_clip

Frames = list[list[Any]]  # the tracked faces of each frame
COLUMNS = dict(
    error=('error, %', 2),
    trembling=('trembling, %', 3),
    trailing=('trailing, px', 2),
    lag=('lag, frames', 2),
    settling=('settling, frames', 1),
    amplitude=('amplitude, %', 1),
    lost=('lost, %', 1),
    wrong=('wrong, %', 1),
    changes=('number changes', 0),
)


@dataclass
class Recording:
    """A clip and what a tracker without a filter returned for it."""

    clip: Clip
    faces: Frames
    cpu: float  # ms a frame


@dataclass
class MotionTable:
    """Measures by kind of motion."""

    rows: dict[str, list[ClipMeasures]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, clip: Clip, faces: Frames, cpu: float) -> None:
        """Add a clip."""
        seen = [[Seen(f.track, f.keypoints) for f in frame] for frame in faces]
        self.rows[clip.kind].append(measure_clip(clip, seen))
        self.cpu[clip.kind].append(cpu)

    def record(self) -> dict[str, dict[str, float]]:
        """Return the means as values for JSON."""
        return {
            kind: dict(asdict(mean_of(rows)), cpu=float(np.mean(self.cpu[kind])))
            for kind, rows in self.rows.items()
        }

    def as_markdown(self) -> str:
        """Return a Markdown table."""
        heads = [
            'motion',
            'clips',
            *(title for title, _ in COLUMNS.values()),
            'CPU, ms',
        ]
        lines = [heads, ['---'] * len(heads)]
        for kind, row in self.record().items():
            values = [(row[name], digits) for name, (_, digits) in COLUMNS.items()]
            values.append((row['cpu'], 1))
            cells = [f'{v:.{d}f}' if np.isfinite(v) else '' for v, d in values]
            lines.append([kind, str(len(self.rows[kind])), *cells])
        return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def record_clip(tracker: Callable[[np.ndarray, float], list], clip: Clip) -> Recording:
    """Track the faces of a clip; drawing the frames does not count as time."""
    frames = list(clip.frames())
    start = process_time()
    faces = [tracker(image, i / RATE) for i, image in enumerate(frames)]
    return Recording(clip, faces, 1e3 * (process_time() - start) / len(frames))


def filtered(recording: Recording, new_filter: Callable[[], Any]) -> Frames:
    """Filter the recorded keypoints, as the tracker does."""
    filters: dict[int, Any] = {}
    found: Frames = []
    for i, faces in enumerate(recording.faces):
        found.append([])
        for face in faces:
            if face.track not in filters:
                filters[face.track] = new_filter()
            raw = FilteredFace(face.keypoints, face.confidence, face.covariance)
            size = float(face.box[2] - face.box[0])
            calm = filters[face.track].smooth(raw, i / RATE, size)
            found[-1].append(face._replace(keypoints=calm.keypoints))
    return found


def table_of(recordings: Iterable[Recording], new_filter: Any = None) -> MotionTable:
    """Return the table of recorded clips, filtered or not."""
    table = MotionTable()
    for recording in recordings:
        faces = filtered(recording, new_filter) if new_filter else recording.faces
        table.add(recording.clip, faces, recording.cpu)
    return table


def network_time(predictor: Any, runs: int = 50) -> float:
    """Return the CPU time of the network for one face, in ms (median)."""
    width, height = predictor.info.input_size
    crop = np.random.default_rng(0).integers(0, 256, (1, height, width), np.uint8)
    times = []
    for _ in range(runs + 5):
        start = process_time()
        predictor.predict_crops(crop)
        times.append(process_time() - start)
    return 1e3 * float(np.median(times[5:]))
