"""Follow the faces of a video from frame to frame.

Where a face was in one frame it is looked for in the next; the detector,
which finds upright faces seen from the front, is asked at the start, where a
face is lost, and every few frames. Keypoints are calmed by the One-Euro
filter. Exit status: 0 if faces were found, 1 if none was in any frame or the
video ended before its time, 2 for wrong use. Ctrl-C keeps what is done.
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

from ..io.atomic import DRAFT
from ..io.predictions import ENDINGS, VideoPredictionFile
from . import Interrupted
from .console import counted, model_files, progress, spare
from .inputs import add_detector_argument, add_model_arguments, load

if TYPE_CHECKING:
    from ..tracking.tracker import TrackedFace

EXAMPLES = """\
rcn-mmpose video talk.mp4 --draw drawn.mp4
rcn-mmpose video --model rcn-68 talk.mp4 --out talk.csv --no-filter"""
CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}
DEFAULT_RATE = 25.0
# of the frames that a header names; many headers only tell how long it is
WHOLE = 0.9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('video', help='a file that OpenCV can decode')
    parser.add_argument(
        '--out',
        default='keypoints.csv',
        metavar='FILE',
        help='.csv (a line a keypoint of each frame) or .json to write '
        '(default: keypoints.csv)',
    )
    parser.add_argument(
        '--draw', metavar='FILE', help='.mp4 or .avi to draw the faces into'
    )
    parser.add_argument(
        '--ellipses',
        action='store_true',
        help='draw where 90 %% of the probability lies, too',
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
        help='how often to look for new faces (default: 10)',
    )
    parser.add_argument(
        '--cutoff',
        type=float,
        default=1.0,
        help='of the filter at rest, in Hz; lower trembles less (default: 1)',
    )
    parser.add_argument(
        '--slope',
        type=float,
        default=10.0,
        help='by which the cut-off rises with the speed in faces a second; '
        'higher lags less (default: 10)',
    )
    parser.add_argument(
        '--no-filter', action='store_true', help='keypoints as they are'
    )
    parser.add_argument('--quiet', action='store_true', help='show no progress')
    add_model_arguments(parser, 'rcn-5')  # keeps up with a camera


def run(options: argparse.Namespace) -> int:
    """Follow the faces."""
    _check(options)
    from ..detect import detect_faces_for
    from ..tracking.one_euro import OneEuroFilter
    from ..tracking.tracker import FaceTracker

    capture = cv2.VideoCapture(options.video)
    rate, total = _rate_and_frames(capture, options.video)
    predictor = load(options)
    new_filter = partial(OneEuroFilter, options.cutoff, options.slope)
    new_filter()  # finds what is wrong with its options
    tracker = FaceTracker(
        predictor,
        detect_faces_for(predictor, smallest=options.smallest_face),
        options.lost,
        options.every,
        None if options.no_filter else new_filter,
    )
    predictor.detector = None
    file = VideoPredictionFile(options.out, predictor.info.keypoints, rate)
    start, interrupted = monotonic(), False
    with (
        progress('frames', total, options.quiet) as advance,
        _drawing(options, rate) as draw,
    ):
        try:
            while True:
                there, frame = capture.read()
                if not there:
                    break
                faces = tracker(frame, len(file) / rate)
                file.add(frame.shape[1::-1], faces)
                draw(frame, faces)
                advance()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            capture.release()
            file.write()
    seen = sum(1 for faces in file.frames if faces)
    summary = (
        f'{counted(tracker.count, "face")} in {counted(seen, "frame")} of '
        f'{len(file)}, {monotonic() - start:.1f} s: {options.out}'
    )
    if interrupted:
        raise Interrupted(summary)
    print(summary)
    cut = total is not None and len(file) < WHOLE * total
    if cut:
        print(
            f'  the video ended after {len(file)} of the {total} frames '
            'that its header names; is it cut short?'
        )
    return 0 if seen and not cut else 1


def _check(options: argparse.Namespace) -> None:
    """Check what can be wrong before the model is loaded."""
    if not os.path.isfile(options.video):
        raise FileNotFoundError(f'video {options.video!r} does not exist.')
    if not options.out.lower().endswith(ENDINGS):
        raise ValueError(f'--out {options.out!r} must end in .csv or .json.')
    read = {**model_files(options), options.video: 'the video itself'}
    spare('--out', options.out, read)
    if options.ellipses and not options.draw:
        raise ValueError('--ellipses goes with --draw FILE; give both.')
    if options.draw:
        if not options.draw.lower().endswith(tuple(CODECS)):
            raise ValueError(f'--draw {options.draw!r} must end in .mp4 or .avi.')
        spare('--draw', options.draw, read)


def _rate_and_frames(capture: cv2.VideoCapture, path: str) -> tuple[float, int | None]:
    """Return frames a second, and the number of frames if it is known."""
    if not capture.isOpened():
        raise ValueError(
            f'video {path!r} is none that OpenCV can decode; convert it to MP4 (H.264).'
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    if not 0 < rate < math.inf:
        rate = DEFAULT_RATE
        print(
            f'{path!r} does not say how many frames a second it has; taken '
            f'as {rate:g}.',
            file=sys.stderr,
        )
    total = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return rate, int(total) if 0 < total < 2**31 else None


@contextmanager
def _drawing(options: argparse.Namespace, rate: float) -> Iterator:
    """Write a video that appears when it is whole."""
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
