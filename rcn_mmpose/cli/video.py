"""Track the faces of videos from frame to frame.

The keypoints of a face in one frame give its crop in the next frame, turned
with the face. The detector, which finds upright faces, runs in the first
frame, when a face is lost, and every few frames. A lost face keeps its
number for a while. The One-Euro filter reduces the jitter of the keypoints.
Exit status: 0 if faces were found, 1 if no frame has a face or the video is
damaged, cut short or changes its frame size, 2 for wrong use. Ctrl-C and
SIGTERM keep the results so far.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ..io.output import ENDINGS
from ..io.predictions import VideoPredictionFile
from . import (
    STANDARD_OUTPUT,
    PartlyDone,
    add_detector_argument,
    add_model_arguments,
    add_style_arguments,
    counted,
    detector_for,
    load,
    model_inputs,
    output_of,
    progress,
    protect_inputs,
    say,
    say_licence,
)

if TYPE_CHECKING:
    from ..tracking.frames import VideoFrames
    from ..tracking.tracker import Tracker
    from .drawn_video import DrawnVideo
    from .failures import FailureGroups

EXAMPLES = """\
rcn-mmpose video talk.mp4 --draw drawn.mp4
rcn-mmpose video --model rcn-68 *.mp4 --out 'keypoints/{name}.csv'"""
NAME = '{name}'  # stands for the name of each video
DRAWN_ENDINGS = ('.mp4', '.avi')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'videos',
        nargs='+',
        metavar='VIDEO',
        help='a video file, the number of a camera (0), or the address of a '
        'stream (rtsp://...)',
    )
    parser.add_argument(
        '--out',
        metavar='FILE',
        help='output file, .csv (one line per keypoint and frame) or .json, or - '
        f'for stdout; {NAME} stands for the name of the video (default: '
        f'keypoints.csv, or {NAME}.csv for several videos)',
    )
    parser.add_argument(
        '--format',
        choices=('csv', 'json'),
        help='form of the output on stdout (default: csv); a file has the form of '
        'its ending',
    )
    drawing = parser.add_argument_group('drawings')
    drawing.add_argument(
        '--draw',
        metavar='FILE',
        help=f'.mp4 or .avi with the faces drawn; {NAME} as in --out',
    )
    add_style_arguments(drawing)
    add_detector_argument(parser)
    parser.add_argument(
        '--lost',
        type=float,
        metavar='CONFIDENCE',
        help='mean confidence below which a face counts as lost (default: that of '
        'the model, 0.8 for rcn-5 and 0.6 for rcn-68)',
    )
    parser.add_argument(
        '--every',
        type=int,
        default=10,
        metavar='FRAMES',
        help='frames between two runs of the detector (default: 10)',
    )
    parser.add_argument(
        '--memory',
        type=float,
        default=2.0,
        metavar='SECONDS',
        help='time for which a lost face keeps its number (default: 2)',
    )
    parser.add_argument(
        '--dead-zone',
        type=float,
        default=0.015,
        metavar='PART',
        help='part of the side of the crop by which a face may move before the crop '
        'follows (default: 0.015)',
    )
    parser.add_argument(
        '--no-turn', action='store_true', help='do not turn the crop with the face'
    )
    parser.add_argument(
        '--cutoff',
        type=float,
        default=1.0,
        help='cut-off frequency of the filter at rest, in Hz; a lower one means '
        'less jitter (default: 1)',
    )
    parser.add_argument(
        '--slope',
        type=float,
        default=160.0,
        help='rise of the cut-off with the speed in face sizes per second; a '
        'higher one means less lag (default: 160)',
    )
    parser.add_argument(
        '--speed-cutoff',
        type=float,
        default=5.0,
        metavar='HZ',
        help='cut-off frequency of the filter of the speed (default: 5)',
    )
    parser.add_argument(
        '--rest',
        type=float,
        default=0.04,
        metavar='SPEED',
        help='speed that counts as rest, in face sizes per second; a higher one '
        'means less jitter (default: 0.04)',
    )
    parser.add_argument(
        '--noise',
        type=float,
        default=3.0,
        metavar='DEVIATIONS',
        help='standard deviations of the noise that count as rest (default: 3)',
    )
    parser.add_argument(
        '--no-filter', action='store_true', help='do not filter the keypoints'
    )
    parser.add_argument('--quiet', action='store_true', help='show no progress')
    add_model_arguments(parser, 'rcn-5')  # as fast as a camera


def run(options: argparse.Namespace) -> int:
    """Track the faces of all videos."""
    jobs = _jobs(options)
    from ..tracking.frames import VideoFrames
    from ..tracking.one_euro import OneEuroFilter
    from ..tracking.tracker import Tracker

    # A wrong name of the only video is noticed before the model is loaded.
    only = VideoFrames(jobs[0].video) if len(jobs) == 1 else None
    predictor = load(options)
    say_licence(predictor)
    new_filter = partial(
        OneEuroFilter,
        options.cutoff,
        options.slope,
        options.speed_cutoff,
        options.rest,
        options.noise,
    )
    new_filter()  # checks the options now
    detector = detector_for(options, predictor)
    predictor = predictor.with_detector(None, detector.box_rule)
    new_tracker = partial(
        Tracker,
        predictor,
        detector,
        options.lost,
        options.every,
        None if options.no_filter else new_filter,
        memory=options.memory,
        dead_zone=options.dead_zone,
        turn=not options.no_turn,
    )
    new_tracker()
    status = 0
    for job in jobs:
        try:
            with only or VideoFrames(job.video) as frames:
                status = max(status, _track(job, frames, new_tracker, options))
        except (ValueError, OSError) as error:
            if only:
                raise
            say(f'error: {error}', sys.stderr)
            status = 1
    return status


class _Job(NamedTuple):
    """A video and its output files."""

    video: str
    out: str
    draw: str | None


def _jobs(options: argparse.Namespace) -> list[_Job]:
    """Check the options, and return the videos with their output files."""
    several = len(options.videos) > 1
    out = options.out or (f'{NAME}.csv' if several else 'keypoints.csv')
    if out != STANDARD_OUTPUT and not out.lower().endswith(ENDINGS):
        raise ValueError(f'--out {out!r} must end in .csv or .json, or be -.')
    if options.format and out != STANDARD_OUTPUT:
        raise ValueError(
            f'--format {options.format} is for --out -; the ending of a file, here '
            f'{out!r}, chooses its form.'
        )
    for name in ('ellipses', 'radius', 'no_box'):
        if getattr(options, name) not in (None, False) and not options.draw:
            option = name.replace('_', '-')
            raise ValueError(f'--{option} needs --draw FILE; give both.')
    if options.radius is not None and not 0 < options.radius < math.inf:
        raise ValueError(f'--radius {options.radius:g}: give pixels above 0.')
    if options.draw and not options.draw.lower().endswith(DRAWN_ENDINGS):
        raise ValueError(f'--draw {options.draw!r} must end in .mp4 or .avi.')
    for option, path in (('--out', out), ('--draw', options.draw)):
        if several and path and NAME not in path:
            ending = os.path.splitext(path)[1] or '.csv'
            raise ValueError(
                f'{option} {path!r} is one file for {len(options.videos)} videos; '
                f"give one for each, such as {option} '{NAME}{ending}'."
            )
    jobs = []
    read = model_inputs(options)
    role = 'one of the videos' if several else 'the video itself'
    read.update(dict.fromkeys(options.videos, role))
    for video in options.videos:
        name = _name(video)
        files = [path and path.replace(NAME, name) for path in (out, options.draw)]
        for option, path in zip(('--out', '--draw'), files, strict=True):
            if path and path != STANDARD_OUTPUT:
                protect_inputs(option, path, read)
                if os.path.isdir(path):
                    raise ValueError(f'{option} {path!r} is a folder; give a file.')
                read[path] = f'already the output of {video!r}'
        jobs.append(_Job(video, *files))
    return jobs


def _name(video: str) -> str:
    """Return the name of a video for the names of its output files."""
    from ..tracking.frames import is_camera, is_stream, without_password

    if is_camera(video):
        return f'camera{video}'
    if is_stream(video):
        return re.sub(r'\W+', '-', without_password(video)).strip('-')
    return os.path.splitext(os.path.basename(video))[0]


def _track(
    job: _Job,
    frames: VideoFrames,
    new_tracker: Callable[[], Tracker],
    options: argparse.Namespace,
) -> int:
    """Track the faces of one video."""
    if frames.assumed:
        say(
            f'{frames.name!r} has no frame rate; {frames.rate:g} frames per second '
            'are assumed where time stamps are missing.',
            sys.stderr,
        )
    tracker = new_tracker()
    names = tracker.predictor.info.keypoints
    start, interrupted, seen = monotonic(), False, 0
    failed: FailureGroups | None = None
    out, stream = output_of(job.out, options.format or 'csv')
    with (
        VideoPredictionFile(out, names, frames.rate, stream) as file,
        _drawing(job, frames, names, options) as drawn,
        progress('frames', frames.total, options.quiet) as advance,
    ):
        try:
            for frame in frames:
                try:
                    faces = tracker(frame.image, frame.time)
                except Exception as error:  # whatever detector and network raise
                    faces = []
                    failed = _note(failed, error, file.images)
                if drawn:
                    drawn.add(frame, faces)
                file.add(frame.image.shape[1::-1], frame.time, faces)
                seen += bool(faces)
                advance()
        except KeyboardInterrupt:
            interrupted = True
        if not interrupted and not frames.count:
            raise ValueError(
                f'no frame of the video {frames.name!r} can be decoded; is it damaged?'
            )
    summary = (
        f'{counted(tracker.count, "face")} in {counted(seen, "frame")} of '
        f'{file.images}, {monotonic() - start:.1f} s: {job.out}'
    )
    problems = frames.problems(ended=not interrupted)
    for problem in problems:
        summary += f'\n  {problem}'
    if failed:
        summary = '\n'.join((summary, *failed.lines()))
    if interrupted:
        raise PartlyDone(summary)
    say(summary, sys.stderr if stream else sys.stdout)
    return 0 if seen and not problems and not failed else 1


def _note(failed: FailureGroups | None, error: Exception, frame: int) -> FailureGroups:
    """Note the error of a frame; the next frames are tracked nevertheless."""
    from ..inference.failure_reasons import reason_of
    from ..tracking.tracker import NetworkError
    from .failures import FailureGroups

    network = isinstance(error, NetworkError)
    failed = failed or FailureGroups()
    failed.add(
        f'frame {frame}', str(error) if network else reason_of(error, 'detector')
    )
    return failed


def _drawing(
    job: _Job, frames: VideoFrames, names: Sequence[str], options: argparse.Namespace
) -> AbstractContextManager[DrawnVideo | None]:
    """Return the drawn video, or None, as a context manager."""
    if not job.draw:
        return nullcontext()
    from .drawn_video import DrawnVideo

    return DrawnVideo(
        job.draw,
        frames.finest_rate(),
        names,
        options.ellipses,
        radius=options.radius,
        box=not options.no_box,
    )
