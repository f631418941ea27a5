"""Find the keypoints of the faces in images.

Boxes come from a file, or from a detector that finds upright faces seen from
the front. One image that fails stops nothing. Exit status: 0 if every
image gave its faces, 1 if something failed (an image in which no face is
found counts), 2 for wrong use.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..io.atomic import write_whole
from ..io.box_files import boxes_of, read_boxes
from ..io.predictions import PredictionFile
from . import Interrupted
from .console import counted, describe_failures, model_files, progress, spare
from .inputs import (
    add_detector_argument,
    add_model_arguments,
    list_images,
    load,
)

if TYPE_CHECKING:
    from ..inference import Predictor, Result

EXAMPLES = """\
rcn-mmpose predict photo.jpg --draw drawn
rcn-mmpose predict --model rcn-5 images/ 'more/**/*.png' \\
    --boxes boxes.csv --out keypoints.csv"""
TOGETHER = 32  # images that go through the model in one call
EVERY = 30  # seconds, after which the file is written again
KEPT = ('.jpg', '.jpeg', '.png')  # endings of images that drawings keep
NO_FACE = (
    'no face was found; the detector finds upright faces seen from the '
    'front. Give its box by --boxes, or look for smaller ones by '
    '--smallest-face.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'images',
        nargs='+',
        metavar='IMAGE',
        help="files, folders, or patterns in quotes such as 'a/**/*.jpg'",
    )
    parser.add_argument(
        '--recursive', action='store_true', help='take folders in folders too'
    )
    parser.add_argument(
        '--boxes',
        metavar='FILE',
        help='boxes of the faces: COCO json, or csv with file, x1, y1, x2, '
        'y2 (default: the detector finds them)',
    )
    add_detector_argument(parser)
    parser.add_argument(
        '--out',
        default='keypoints.json',
        metavar='FILE',
        help='.json (COCO) or .csv to write (default: keypoints.json)',
    )
    parser.add_argument(
        '--draw', metavar='DIR', help='draw the keypoints into this folder'
    )
    parser.add_argument(
        '--ellipses',
        action='store_true',
        help='draw where 90 %% of the probability lies, too',
    )
    parser.add_argument('--quiet', action='store_true', help='show no progress')
    add_model_arguments(parser, 'rcn-68')


def run(options: argparse.Namespace) -> int:
    """Predict."""
    file = PredictionFile(options.out)
    if options.ellipses and not options.draw:
        raise ValueError('--ellipses goes with --draw DIR; give both.')
    listed = list_images(options.images, options.recursive)
    drawn = drawn_files(listed.paths, options.draw) if options.draw else {}
    _spare_inputs(options, listed.paths, drawn)
    boxes: list[np.ndarray | None] = [None] * len(listed.paths)
    if options.boxes:
        boxes = boxes_of(listed.paths, read_boxes(options.boxes))
    predictor = load(options)
    if not options.boxes:
        from ..detect import detect_faces_for

        detect_faces_for(predictor, smallest=options.smallest_face)
    for name, reason in listed.failures:
        file.fail(name, reason)
    work = _Work(predictor, file, options, drawn)
    try:
        work.go_through(listed.paths, boxes)
    except KeyboardInterrupt as error:
        raise Interrupted(work.summary(listed.others)) from error
    finally:
        file.write()
    print(work.summary(listed.others))
    return 1 if file.content['failures'] else 0


def drawn_files(paths: Sequence[str], folder: str) -> dict[str, str]:
    """Say where the drawing of each image goes.

    Args:
        paths (Sequence[str]): The images.
        folder (str): The folder to draw into; those that lie below the one
            that all images have in common are made in it, too.

    Returns:
        dict[str, str]: A file by each image.
    """
    whole = [os.path.abspath(path) for path in paths]
    common = os.path.commonpath(map(os.path.dirname, whole)) if whole else ''
    files = {}
    for path, place in zip(paths, whole, strict=True):
        target = os.path.join(folder, os.path.relpath(place, common))
        # 1.tif and 1.jpg are two images
        files[path] = target + ('' if target.lower().endswith(KEPT) else '.png')
    return files


def _spare_inputs(
    options: argparse.Namespace,
    paths: Sequence[str],
    drawn: Mapping[str, str],
) -> None:
    """Refuse to write over what is read, or twice into one file."""
    read = dict.fromkeys(paths, 'one of the images') | model_files(options)
    if options.boxes:
        read[options.boxes] = 'the file of boxes'
    spare('--out', options.out, read)
    images = {os.path.realpath(path): path for path in paths}
    taken: dict[str, str] = {}
    for path, file in drawn.items():
        place = os.path.realpath(file)
        if place in images:
            raise ValueError(
                f'--draw {options.draw!r}: the drawing of {path!r} would '
                f'replace the image {images[place]!r}; give a folder in '
                'which none of the images lies.'
            )
        first = taken.setdefault(place, path)
        if first != path:
            raise ValueError(
                f'--draw {options.draw!r}: {first!r} and {path!r} would both '
                f'be drawn into {file!r}; name them in two calls, with a '
                'folder each.'
            )


class _Work:
    """Images on their way through a model.

    Args:
        predictor (Predictor): The model.
        file (PredictionFile): Where results go.
        options (argparse.Namespace): Of the command line.
        drawn (Mapping[str, str]): Where drawings go, by the images.
    """

    def __init__(
        self,
        predictor: Predictor,
        file: PredictionFile,
        options: argparse.Namespace,
        drawn: Mapping[str, str],
    ) -> None:
        self.predictor = predictor
        self.file = file
        self.options = options
        self.drawn = drawn
        self.images = 0
        self.start = self.written = monotonic()

    def go_through(
        self, paths: Sequence[str], boxes: Sequence[np.ndarray | None]
    ) -> None:
        """Predict all images."""
        quiet = self.options.quiet
        with progress('images', len(paths), quiet) as advance:
            for i in range(0, len(paths), TOGETHER):
                part = slice(i, i + TOGETHER)
                for result in self._predict(paths[part], boxes[part]):
                    self._keep(result)
                advance(len(paths[part]))
                if monotonic() - self.written > EVERY:
                    self.file.write()
                    self.written = monotonic()

    def _predict(
        self, paths: Sequence[str], boxes: Sequence[np.ndarray | None]
    ) -> list[Result]:
        """Predict some images, and those alone that can be predicted."""
        if self.options.boxes:
            for path, known in zip(paths, boxes, strict=True):
                if known is None:
                    reason = f'{self.options.boxes!r} does not name it.'
                    self._fail(path, reason)
            named = [i for i, known in enumerate(boxes) if known is not None]
            paths, boxes = [paths[i] for i in named], [boxes[i] for i in named]
        if not paths:
            return []
        try:
            known = boxes if self.options.boxes else None
            return [self.predictor(list(paths), known)]
        except Exception as error:  # of OpenCV, of memory, of the network
            if len(paths) == 1:
                self._fail(paths[0], f'{type(error).__name__}: {error}')
                return []
        results = []
        for path, known in zip(paths, boxes, strict=True):
            results += self._predict([path], [known])
        return results

    def _keep(self, result: Result) -> None:
        """Store results and draw them."""
        self.file.add(result)
        self.images += len(result.images)
        failed = {failure.image for failure in result.failures}
        for i, image in enumerate(result.images):
            if (result.image_index == i).any():
                if self.options.draw:
                    self._draw(result.of(i))
            elif not self.options.boxes and i not in failed:
                self.file.fail(image.name, NO_FACE)

    def _draw(self, result: Result) -> None:
        """Draw the faces of one image."""
        from ..image.drawing import draw_keypoints
        from ..image.reading import read_image

        path = result.images[0].name
        target = self.drawn[path]
        try:
            drawn = draw_keypoints(
                read_image(path),
                result.keypoints,
                result.confidence,
                result.boxes,
                result.covariance if self.options.ellipses else None,
            )
            content = cv2.imencode(os.path.splitext(target)[1], drawn)[1]
            write_whole(target, content.tobytes())
        except (cv2.error, OSError, ValueError) as error:
            self.file.fail(path, f'its drawing cannot be written: {error}')

    def _fail(self, path: str, reason: str) -> None:
        """Count an image that gave nothing."""
        self.images += 1
        self.file.fail(path, reason)

    def summary(self, others: int) -> str:
        """Return what was done, what failed and why."""
        failures = self.file.content['failures']
        line = (
            f'{counted(len(self.file), "face")} in '
            f'{counted(self.images, "image")}, {len(failures)} failed, '
            f'{monotonic() - self.start:.1f} s: {self.file.path}'
        )
        lines = [line, *describe_failures(failures)]
        if others:
            lines.append(
                f'  {counted(others, "file")} in the folders with the ending '
                'of no image left aside'
            )
        return '\n'.join(lines)
