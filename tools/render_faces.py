"""Render a dataset of synthetic faces.

    python tools/render_faces.py --out data/synthetic --train 6000

writes

    data/synthetic/images/{train,val,test}/000000.jpg ...
    data/synthetic/annotations/{train,val,test}_{5,68}.json
    data/synthetic/records/     records for resuming

Rendering is deterministic: a face depends only on the seed, its split and its number,
not on the number of workers. Run the same command again to resume after an
interruption.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator

# A worker uses one thread. NumPy and OpenCV read these variables at their import.
for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, '1')

import cv2
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from rcn_mmpose.environment.script import RESUME_SAME, run_script
from rcn_mmpose.image.contact_sheet import contact_sheet, draw_face
from rcn_mmpose.io.image_files import write_image
from rcn_mmpose.synthetic import render_face
from rcn_mmpose.synthetic.face_set import (
    SPLITS,
    Part,
    make_part,
    parts_of,
    remove_drafts,
    seed_of,
    write_annotations,
)


def parse_args(args: list[str]) -> argparse.Namespace:
    """Parse the command line; a wrong value ends the program with one error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--out', help='folder for the dataset; created if needed')
    for split, count in zip(SPLITS, (6000, 500, 500), strict=True):
        parser.add_argument(
            f'--{split}',
            type=int,
            default=count,
            help=f'number of faces (default: {count})',
        )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the faces (default: 0)'
    )
    parser.add_argument(
        '--size',
        type=int,
        default=160,
        help='side of an image in pixels (default: 160)',
    )
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes (default: 1)'
    )
    parser.add_argument(
        '--sheet', help='contact sheet of faces with keypoints to write'
    )
    parser.add_argument(
        '--sheet-faces', type=int, default=48, help='faces on the sheet (default: 48)'
    )
    options = parser.parse_args(args)
    if not options.out and not options.sheet:
        parser.error('give --out FOLDER, --sheet IMAGE or both')
    for name in SPLITS:
        if getattr(options, name) < 0:
            parser.error(f'--{name} must be 0 or more')
    if not sum(getattr(options, name) for name in SPLITS):
        parser.error('--train, --val and --test are all 0; give one of them 1 or more')
    for name, least in (
        ('seed', 0),
        ('size', 32),
        ('workers', 1),
        ('sheet_faces', 1),
    ):
        if getattr(options, name) < least:
            option = name.replace('_', '-')
            parser.error(f'--{option} must be {least} or more')
    if options.sheet and not options.sheet.endswith(('.png', '.jpg')):
        parser.error('--sheet must end in .png or .jpg')
    if options.out and os.path.exists(options.out):
        if not os.path.isdir(options.out):
            parser.error(f'--out {options.out!r} is a file, not a folder')
    return options


def make_parts(parts: list[Part], workers: int) -> Iterator[int]:
    """Render the parts in order, with one or more processes.

    Args:
        parts (list[Part]): The parts.
        workers (int): Number of processes.

    Yields:
        int: Number of faces of the next part that were rendered.
    """
    if workers == 1:
        yield from map(make_part, parts)
        return
    # Forked processes would inherit locks of OpenCV's threads.
    context = multiprocessing.get_context('spawn')
    # The main process handles an interruption.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with context.Pool(workers, signal.signal, ignore) as pool:
        yield from pool.imap(make_part, parts)


def make_set(options: argparse.Namespace) -> None:
    """Write images and annotations."""
    remove_drafts(options.out)
    splits = {
        split: parts_of(
            options.out,
            split,
            getattr(options, split),
            options.seed,
            options.size,
        )
        for split in SPLITS
    }
    splits = {split: parts for split, parts in splits.items() if parts}
    total = sum(getattr(options, split) for split in SPLITS)
    begin, rendered = time.perf_counter(), 0
    with Progress(
        TextColumn('faces'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    ) as progress:
        bar = progress.add_task('faces', total=total)
        everything = sum(splits.values(), [])
        made = make_parts(everything, options.workers)
        for part, new in zip(everything, made, strict=True):
            progress.advance(bar, part.stop - part.start)
            rendered += new
    minutes = (time.perf_counter() - begin) / 60
    for split, parts in splits.items():
        for points in (5, 68):
            print(write_annotations(options.out, split, parts, points))
    print(
        f'{rendered} faces rendered, {total - rendered} already existed; '
        f'{rendered / minutes:.0f} faces a minute with {options.workers} '
        f'worker{"s" if options.workers > 1 else ""}'
    )


def draw_sheet(options: argparse.Namespace) -> None:
    """Draw the first faces of the training split."""
    faces = [
        render_face(seed_of(options.seed, 'train', k), options.size)
        for k in range(options.sheet_faces)
    ]
    sheet = contact_sheet(
        [
            draw_face(
                face.image,
                face.keypoints,
                hidden=~face.visible,
                side=options.size,
            )
            for face in faces
        ],
        marks=['truth', 'hidden'],
    )
    write_image(options.sheet, sheet)
    print(options.sheet)


def main(args: list[str]) -> None:
    """Run the program."""
    options = parse_args(args)
    cv2.setNumThreads(1)
    if options.sheet:
        draw_sheet(options)
    if options.out:
        make_set(options)


if __name__ == '__main__':
    run_script(main, sys.argv[1:], hint=RESUME_SAME)
