r"""Measure the tracker on clips of moving faces with known keypoints.

    python tools/analysis_tools/video.py --model rcn-5
    python tools/analysis_tools/video.py --model rcn-5 --part choose --filters
    python tools/analysis_tools/video.py --part report \
        --stills data/annotations/mtfl_val.json data/mtfl

The clips are rendered faces, or real stills, that move in a known way in 480x480
pixels, 30 frames a second. Clips for choosing options and clips for reporting have
different faces and motions. docs/studies.md explains the measures. CPU times are
those of the process, in one thread, with the detector.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from typing import Any

import cv2

from rcn_mmpose.inference import OnnxPredictor
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.lab.benchmark import report
from rcn_mmpose.lab.benchmark.kalman import KalmanFilter
from rcn_mmpose.lab.benchmark.moving_faces import (
    clips_of,
    real_stills,
    rendered_stills,
)
from rcn_mmpose.lab.benchmark.video_run import network_time, record_clip, table_of
from rcn_mmpose.tracking import OneEuroFilter, Tracker

EARLIER = (1.0, 10.0, 1.0, 0.0, 0.0)  # options of the filter of version 0.1
DEFAULT = 'One-Euro, 1 160 5, rest 0.04, noise 3 (default)'
FILTERS: dict[str, Any] = {
    'no filter': None,
    'One-Euro, 1 10 1 (before)': partial(OneEuroFilter, *EARLIER),
    'One-Euro, 1 80 5': partial(OneEuroFilter, 1.0, 80.0, 5.0, 0.0, 0.0),
    'One-Euro, 1 160 5, rest 0.06': partial(OneEuroFilter, 1.0, 160, 5.0, 0.06, 0.0),
    DEFAULT: OneEuroFilter,
    'Kalman, 0.15 0.3 1.5': partial(KalmanFilter, 0.15, 0.3, 1.5),
    'Kalman, 0.3 0.3 1.5': partial(KalmanFilter, 0.3, 0.3, 1.5),
    'Kalman, 0.6 0.3 1.5': partial(KalmanFilter, 0.6, 0.3, 1.5),
    'Kalman, 0.6 1 1.5': partial(KalmanFilter, 0.6, 1.0, 1.5),
}

SHOWN = ('no filter', DEFAULT)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--model', default='rcn-5', help='a shipped model or an .onnx (default: rcn-5)'
    )
    parser.add_argument(
        '--part',
        choices=('choose', 'report'),
        default='report',
        help='clips for choosing options, or for reporting (default: report)',
    )
    parser.add_argument(
        '--stills',
        nargs=2,
        metavar=('ANNOTATIONS', 'IMAGES'),
        help='real faces instead of rendered ones: a COCO file and its folder',
    )
    parser.add_argument(
        '--detector', default='auto', help='as for rcn-mmpose video (default: auto)'
    )
    parser.add_argument(
        '--faces', type=int, default=4, help='clips of each motion (default: 4)'
    )
    parser.add_argument(
        '--filters', action='store_true', help='compare filters on the same keypoints'
    )
    parser.add_argument('--json', help='write the tables to this JSON file')
    args = parser.parse_args(arguments)
    if args.faces < 1:
        parser.error('--faces must be 1 or more')
    return args


def main(arguments: list[str] | None = None) -> None:
    """Track the clips, print the tables and write the file."""
    from rcn_mmpose import model_files
    from rcn_mmpose.detect.yunet import choose_detector

    args = parse_args(arguments)
    path = args.model
    if not os.path.isfile(path):
        path = os.path.splitext(model_files(path)[1])[0] + '.onnx'
    cv2.setNumThreads(1)
    model = OnnxPredictor(path, threads=1)
    detector = choose_detector(args.detector, model)
    model = model.with_detector(None, detector.box_rule)
    new_tracker = partial(Tracker, model, detector, new_filter=None)
    if args.stills:
        stills = real_stills(*args.stills, args.part, args.faces)
    else:
        stills = rendered_stills(args.part, max(args.faces, 2))
    before = report.load()
    recordings = []
    for clip in clips_of(args.part, stills, args.faces):
        recordings.append(record_clip(new_tracker(), clip))
    chosen = FILTERS if args.filters else {name: FILTERS[name] for name in SHOWN}
    tables = {name: table_of(recordings, new) for name, new in chosen.items()}
    for name, table in tables.items():
        print(f'\n{args.model}, {name}:\n\n{table.as_markdown()}', flush=True)
    alone = network_time(model)
    print(f'\nNetwork alone: {alone:.1f} ms of CPU time a face, one thread.')
    closing = report.closing_line(report.describe(), before, report.load())
    print(closing)
    if args.json:
        record = dict(
            model=args.model,
            part=args.part,
            network_ms=alone,
            closing=closing,
            tables={name: table.record() for name, table in tables.items()},
        )
        write_whole(args.json, json.dumps(record, indent=1).encode())


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted')
