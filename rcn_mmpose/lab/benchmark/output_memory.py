"""Measure memory and time of the files that ``rcn-mmpose predict`` writes.

    python -m rcn_mmpose.lab.benchmark.output_memory 10000 100000

writes results of so many images with one face each, in batches as ``predict`` does.
The counts rise in one process, so its peak memory shows whether the memory grows.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from typing import NamedTuple

import numpy as np

from ...io.output import ENDINGS, PredictionFile, Result, SourceImage

BATCH = 32  # images of a result


class WrittenFile(NamedTuple):
    """Cost of a file.

    Attributes:
        ending: ``.json`` or ``.csv``.
        images: Number of images, with one face each.
        seconds: CPU time from opening to the file in place.
        megabytes: Size of the file.
        peak: Peak memory of the process until then, in MB.
    """

    ending: str
    images: int
    seconds: float
    megabytes: float
    peak: float


def write_results(path: str, images: int, keypoints: int = 68) -> WrittenFile:
    """Write the results of random faces.

    Args:
        path (str): File to write, .json or .csv.
        images (int): Number of images, with one face each.
        keypoints (int): Keypoints of a face. Defaults to 68.
    """
    rng = np.random.default_rng(0)
    names = tuple(f'kpt-{i}' for i in range(keypoints))
    begin = time.process_time()
    with PredictionFile(path) as file:
        for start in range(0, images, BATCH):
            count = min(BATCH, images - start)
            shape = (count, keypoints)
            file.add(
                Result(
                    keypoints=rng.uniform(0, 500, (*shape, 2)).astype(np.float32),
                    confidence=rng.uniform(0, 1, shape).astype(np.float32),
                    covariance=rng.uniform(0, 9, (*shape, 2, 2)).astype(np.float32),
                    boxes=np.tile([100.0, 100.0, 400.0, 400.0], (count, 1)),
                    image_index=np.arange(count),
                    images=tuple(
                        SourceImage(f'images/{start + i:08d}.jpg', (500, 500))
                        for i in range(count)
                    ),
                    names=names,
                    failures=(),
                    timing={},
                )
            )
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ending = os.path.splitext(path)[1]
    return WrittenFile(ending, images, seconds, os.path.getsize(path) / 1e6, peak)


def main(arguments: list[str]) -> None:
    """Print a row for each count and form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('images', nargs='+', type=int, help='numbers of images')
    parser.add_argument('--keypoints', type=int, default=68, help='(default: 68)')
    options = parser.parse_args(arguments)
    print('form      images    CPU, s   file, MB  peak memory, MB')
    for ending in ENDINGS:
        for images in sorted(options.images):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, f'keypoints{ending}')
                row = write_results(path, images, options.keypoints)
            print(
                f'{row.ending:5}{row.images:11}{row.seconds:10.1f}'
                f'{row.megabytes:10.0f}{row.peak:17.0f}',
                flush=True,
            )


if __name__ == '__main__':
    main(sys.argv[1:])
