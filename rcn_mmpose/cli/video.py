"""Track the faces of a video from frame to frame.

The keypoints of a face in one frame give its box in the next frame. The
detector, which finds upright frontal faces, runs in the first frame, when a
face is lost, and every few frames. The One-Euro filter reduces the jitter of
the keypoints. Exit status: 0 if faces were found, 1 if no frame has a face or
the video ended early, 2 for wrong use. Ctrl-C keeps the results so far.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..io.output import DRAFT, ENDINGS
from ..io.predictions import VideoPredictionFile
from . import (
    PartlyDone,
    add_detector_argument,
    add_model_arguments,
    counted,
    load,
    model_inputs,
    progress,
    protect_inputs,
    say_licence,
)

if TYPE_CHECKING:
    from ..tracking.tracker import TrackedFace

EXAMPLES = """\
rcn-mmpose video talk.mp4 --draw drawn.mp4
rcn-mmpose video --model rcn-68 talk.mp4 --out talk.csv --no-filter"""
CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}
DEFAULT_RATE = 25.0
# Fraction of the frames in the header that a complete video has: many headers
# estimate the number from the duration.
COMPLETE = 0.9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('video', help='a video file that OpenCV can decode')
    parser.add_argument(
        '--out',
        default='keypoints.csv',
        metavar='FILE',
        help='output file, .csv (one line per keypoint and frame) or .json '
        '(default: keypoints.csv)',
    )
    parser.add_argument(
        '--draw', metavar='FILE', help='.mp4 or .avi with the faces drawn'
    )
    parser.add_argument(
        '--ellipses',
        action='store_true',
        help='also draw ellipses with 90 %% of the probability',
    )
    add_detector_argument(parser)
    parser.add_argument(
        '--lost',
        type=float,
        default=0.5,
        metavar='CONFIDENCE',
        help='mean confidence below which a face counts as lost (default: 0.5)',
    )
    parser.add_argument(
        '--every',
        type=int,
        default=10,
        metavar='FRAMES',
        help='frames between two runs of the detector (default: 10)',
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
        default=10.0,
        help='rise of the cut-off with the speed in face sizes per second; a '
        'higher one means less lag (default: 10)',
    )
    parser.add_argument(
        '--no-filter', action='store_true', help='do not filter the keypoints'
    )
    parser.add_argument('--quiet', action='store_true', help='show no progress')
    add_model_arguments(parser, 'rcn-5')  # as fast as a camera


def run(options: argparse.Namespace) -> int:
    """Track the faces."""
    _check(options)
    from ..detect.haar import HaarDetector
    from ..tracking.one_euro import OneEuroFilter
    from ..tracking.tracker import FaceTracker

    capture = cv2.VideoCapture(options.video)
    rate, total = _rate_and_frames(capture, options.video)
    predictor = load(options)
    say_licence(predictor)
    new_filter = partial(OneEuroFilter, options.cutoff, options.slope)
    new_filter()  # checks the options now
    detector = HaarDetector.for_model(predictor, options.smallest_face)
    predictor = predictor.with_detector(None, detector.box_rule)
    tracker = FaceTracker(
        predictor,
        detector,
        options.lost,
        options.every,
        None if options.no_filter else new_filter,
    )
    start, interrupted, seen = monotonic(), False, 0
    with (
        VideoPredictionFile(options.out, predictor.info.keypoints, rate) as file,
        progress('frames', total, options.quiet) as advance,
        _drawing(options, rate) as draw,
    ):
        try:
            while True:
                there, frame = capture.read()
                if not there:
                    break
                faces = tracker(frame, file.images / rate)
                file.add(frame.shape[1::-1], faces)
                seen += bool(faces)
                draw(frame, faces)
                advance()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            capture.release()
    summary = (
        f'{counted(tracker.count, "face")} in {counted(seen, "frame")} of '
        f'{file.images}, {monotonic() - start:.1f} s: {options.out}'
    )
    if interrupted:
        raise PartlyDone(summary)
    print(summary)
    cut = total is not None and file.images < COMPLETE * total
    if cut:
        print(
            f'  the video ended after {file.images} of the {total} frames '
            'that its header names; the file may be cut short.'
        )
    return 0 if seen and not cut else 1


def _check(options: argparse.Namespace) -> None:
    """Check the options before the model is loaded."""
    if not os.path.isfile(options.video):
        raise FileNotFoundError(f'video {options.video!r} does not exist.')
    if not options.out.lower().endswith(ENDINGS):
        raise ValueError(f'--out {options.out!r} must end in .csv or .json.')
    read = {**model_inputs(options), options.video: 'the video itself'}
    protect_inputs('--out', options.out, read)
    if options.ellipses and not options.draw:
        raise ValueError('--ellipses needs --draw FILE; give both.')
    if options.draw:
        if not options.draw.lower().endswith(tuple(CODECS)):
            raise ValueError(f'--draw {options.draw!r} must end in .mp4 or .avi.')
        protect_inputs('--draw', options.draw, read)


def _rate_and_frames(capture: cv2.VideoCapture, path: str) -> tuple[float, int | None]:
    """Return the frames per second, and the number of frames if it is known."""
    if not capture.isOpened():
        raise ValueError(
            f'OpenCV cannot decode the video {path!r}; convert it to MP4 (H.264).'
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    if not 0 < rate < math.inf:
        rate = DEFAULT_RATE
        print(
            f'{path!r} has no frame rate; {rate:g} frames per second are assumed.',
            file=sys.stderr,
        )
    total = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return rate, int(total) if 0 < total < 2**31 else None


@contextmanager
def _drawing(options: argparse.Namespace, rate: float) -> Iterator:
    """Write a video with drawn faces atomically."""
    if not options.draw:
        yield lambda frame, faces: None
        return
    from ..image.drawing import draw_keypoints

    ending = os.path.splitext(options.draw)[1].lower()
    code = cv2.VideoWriter.fourcc(*CODECS[ending])
    folder = os.path.dirname(os.path.abspath(options.draw))
    os.makedirs(folder, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, suffix=DRAFT + ending)
    os.close(handle)
    writer: cv2.VideoWriter | None = None

    def draw(frame: np.ndarray, faces: list[TrackedFace]) -> None:
        nonlocal writer
        if writer is None:
            size = frame.shape[1::-1]
            writer = cv2.VideoWriter(draft, code, rate, size)
            if not writer.isOpened():
                raise OSError(f'this OpenCV cannot write {options.draw!r}; try .avi.')
        fields = zip(*faces, strict=True) if faces else ((),) * 5
        _, boxes, keypoints, confidence, covariance = fields
        spread = covariance if options.ellipses else None
        writer.write(draw_keypoints(frame, keypoints, confidence, boxes, spread))

    try:
        yield draw
        if writer is not None:
            writer.release()
            os.chmod(draft, 0o644)
            os.replace(draft, options.draw)
    finally:
        if os.path.exists(draft):
            os.unlink(draft)
