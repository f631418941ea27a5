"""Measure memory and time of ``rcn-mmpose video`` by the length of the video.

    python -m rcn_mmpose.lab.benchmark.video_memory 6000 60000

renders a face that moves in 160x160 pixels, writes a video of each length, and runs
the command in a process of its own.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

import cv2
import numpy as np

from ...synthetic import render_face

SIZE, PERIOD = 160, 50  # pixels a side; frames of one turn of the face


class TrackedVideo(NamedTuple):
    """Cost of a video.

    Attributes:
        frames: Number of frames.
        seconds: CPU time of the process.
        peak: Peak memory of the process in MB.
        megabytes: Size of the output in MB.
    """

    frames: int
    seconds: float
    peak: float
    megabytes: float


def write_moving_face(path: str, frames: int) -> None:
    """Write a video, .mp4, of one face on a circle."""
    face = render_face(0, pose=(0.0, 0.0, 0.0), plain=True).image
    small = cv2.resize(face, (120, 120), interpolation=cv2.INTER_AREA)
    turn = []
    for i in range(PERIOD):
        angle = 2 * math.pi * i / PERIOD
        x, y = (round(20 + 15 * part) for part in (math.cos(angle), math.sin(angle)))
        image = np.full((SIZE, SIZE, 3), 128, np.uint8)
        image[y : y + 120, x : x + 120] = small
        turn.append(image)
    code = cv2.VideoWriter.fourcc(*'mp4v')
    writer = cv2.VideoWriter(path, code, 25.0, (SIZE, SIZE))
    for i in range(frames):
        writer.write(turn[i % PERIOD])
    writer.release()


def track_video(frames: int, ending: str, model: str) -> TrackedVideo:
    """Run the command on a video.

    Args:
        frames (int): Number of frames.
        ending (str): ``.csv`` or ``.json``.
        model (str): The option ``--model``.

    Raises:
        RuntimeError: If the command fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        video = os.path.join(folder, 'face.mp4')
        out = os.path.join(folder, f'keypoints{ending}')
        write_moving_face(video, frames)
        words = (video, '--out', out, '--model', model, '--quiet')
        process = subprocess.Popen(
            [sys.executable, '-m', 'rcn_mmpose', 'video', *words],
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            raise RuntimeError(f'the command ended with {process.returncode}.')
        return TrackedVideo(
            frames,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            os.path.getsize(out) / 1e6,
        )


def main(arguments: list[str]) -> None:
    """Print a row for each length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('frames', nargs='+', type=int, help='numbers of frames')
    parser.add_argument('--ending', default='.csv', help='.csv (default) or .json')
    parser.add_argument('--model', default='rcn-5', help='(default: rcn-5)')
    options = parser.parse_args(arguments)
    print('frames    CPU, s   peak memory, MB   output, MB')
    for frames in options.frames:
        row = track_video(frames, options.ending, options.model)
        print(
            f'{row.frames:6}{row.seconds:10.0f}{row.peak:18.0f}{row.megabytes:13.1f}',
            flush=True,
        )


if __name__ == '__main__':
    main(sys.argv[1:])
