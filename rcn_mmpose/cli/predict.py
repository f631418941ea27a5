"""Find the keypoints of the faces in images.

The boxes come from a file, or from a face detector. An
image that fails does not stop the others. Exit status: 0 if all faces of all
images were predicted, 1 if something failed (an image without a face counts),
2 for wrong use.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..io.box_files import boxes_of, fail_other_sizes, read_boxes, sizes_of
from ..io.output import PredictionFile
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
    from ..inference.predictor import Predictor
    from ..io.output import Result
    from .drawings import Drawings
    from .failures import FailureGroups
    from .image_search import ImageSearch

EXAMPLES = """\
rcn-mmpose predict photo.jpg --draw drawn
rcn-mmpose predict --model rcn-5 images/ 'more/**/*.png' \\
    --boxes boxes.csv --out keypoints.csv"""
BATCH = 32  # images in one call of the model
NO_FACE = (
    'no face was found. Give the box by --boxes, or accept less certain faces by '
    '--min-score 0.5.'
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
        '--recursive', action='store_true', help='also search subfolders'
    )
    parser.add_argument(
        '--boxes',
        metavar='FILE',
        help='boxes of the faces: COCO json, or csv with the columns file, x1, '
        'y1, x2, y2 (default: the detector finds them)',
    )
    add_detector_argument(parser)
    parser.add_argument(
        '--out',
        default='keypoints.json',
        metavar='FILE',
        help='output file, .json (COCO) or .csv, or - for stdout (default: '
        'keypoints.json)',
    )
    parser.add_argument(
        '--format',
        choices=('json', 'csv'),
        help='form of the output on stdout (default: json); a file has the form of '
        'its ending',
    )
    parser.add_argument(
        '--min-confidence',
        type=float,
        default=0,
        metavar='CONFIDENCE',
        help='leave out faces whose mean confidence of the keypoints is below this '
        'number from 0 to 1 (default: 0)',
    )
    parser.add_argument(
        '--batch-size',
        type=int,
        metavar='FACES',
        help='faces in one batch of the network; a GPU needs more than the default, '
        'which suits a CPU',
    )
    drawing = parser.add_argument_group('drawings')
    drawing.add_argument(
        '--draw', metavar='DIR', help='folder for drawings of the keypoints'
    )
    add_style_arguments(drawing)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument('--quiet', action='store_true', help='show no progress')
    amount.add_argument(
        '--verbose', action='store_true', help='print a line for each image on stderr'
    )
    add_model_arguments(parser, 'rcn-68')


def run(options: argparse.Namespace) -> int:
    """Predict, write and draw."""
    _check(options)
    listed = list_images(options.images, options.recursive)
    _protect_inputs(options, listed.paths)
    drawings = None
    if options.draw:
        from .drawings import Drawings

        drawings = Drawings(
            options.draw,
            listed.paths,
            ellipses=options.ellipses,
            radius=options.radius,
            box=not options.no_box,
        )
    boxes: list[np.ndarray | None] = [None] * len(listed.paths)
    sizes = {}
    if options.boxes:
        known = read_boxes(options.boxes)
        boxes, sizes = boxes_of(listed.paths, known), sizes_of(listed.paths, known)
    out, stream = output_of(options.out, options.format or 'json')
    stopped = False
    with PredictionFile(out, stream=stream) as file:
        predictor = load(options)
        say_licence(predictor)
        if not options.boxes:
            predictor = predictor.with_detector(detector_for(options, predictor))
        work = _Prediction(predictor, file, options, drawings, sizes)
        for name, reason in listed.failures:
            work.fail(name, reason)
        try:
            work.run(listed.paths, boxes)
        except KeyboardInterrupt:
            stopped = True
    summary = work.summary(listed.notes)
    if stopped:
        raise PartlyDone(summary)
    say(summary, sys.stderr if stream else sys.stdout)
    return 1 if file.failures else 0


def _check(options: argparse.Namespace) -> None:
    """Check the options before the images are searched."""
    if not options.draw:
        for name in ('ellipses', 'radius', 'no_box'):
            if getattr(options, name) not in (None, False):
                option = name.replace('_', '-')
                raise ValueError(f'--{option} needs --draw DIR; give both.')
    if options.format and options.out != STANDARD_OUTPUT:
        raise ValueError(
            f'--format {options.format} is for --out -; the ending of a file, here '
            f'{options.out!r}, chooses its form.'
        )
    if options.radius is not None and not 0 < options.radius < math.inf:
        raise ValueError(f'--radius {options.radius:g}: give pixels above 0.')
    if not 0 <= options.min_confidence <= 1:
        raise ValueError(
            f'--min-confidence {options.min_confidence:g}: give a number from 0 to 1.'
        )
    if options.min_score is not None and not 0 < options.min_score < 1:
        raise ValueError(
            f'--min-score {options.min_score:g}: give a number above 0 and below 1.'
        )
    if options.batch_size is not None and options.batch_size < 1:
        raise ValueError(f'--batch-size {options.batch_size}: give 1 or more faces.')


class ImageList(NamedTuple):
    """The images that were found.

    Attributes:
        paths: Paths of the images, in the order of the command line; the images
            of a folder are sorted by name. Each image occurs once, under its
            first name.
        failures: Names without an image, and what cannot be read, with the
            reasons.
        notes: What was left out, for the summary.
    """

    paths: list[str]
    failures: list[tuple[str, str]]
    notes: list[str]


def list_images(names: Iterable[str], recursive: bool = False) -> ImageList:
    """Find the images that are named.

    Args:
        names (Iterable[str]): Files with any ending (they are not read here);
            folders, whose files with the ending of an image are taken; or
            patterns with ``*``, ``?`` or ``[``, in which ``**`` stands for any
            number of folders.
        recursive (bool): Whether to search subfolders. Defaults to False.

    Returns:
        ImageList: The images, and what was left out.
    """
    paths: dict[str, str] = {}  # from absolute path to the name as given
    search: ImageSearch | None = None
    for name in names:
        found = [name]
        if os.path.isdir(name) or not os.path.lexists(name):
            if search is None:
                from .image_search import ImageSearch

                search = ImageSearch(recursive)
            found = search.search(name)
        for path in found:
            paths.setdefault(_absolute(path), path)
    failures, notes = (search.failures, search.notes()) if search else ([], [])
    return ImageList(list(paths.values()), failures, notes)


def _absolute(path: str) -> str:
    """Return the same absolute path for all spellings of a path.

    A file and a symbolic link to the file stay two images, because their names
    may carry a meaning.
    """
    folder, name = os.path.split(path)
    if os.pardir in folder.split(os.sep):
        # The parent of a symbolic link is the parent of its target.
        folder = os.path.realpath(folder)
    return os.path.join(os.path.abspath(folder), name)


def _protect_inputs(options: argparse.Namespace, paths: Sequence[str]) -> None:
    """Check that the output file does not overwrite an input file."""
    read = dict.fromkeys(paths, 'one of the images') | model_inputs(options)
    if options.boxes:
        read[options.boxes] = 'the file of boxes'
    if options.out != STANDARD_OUTPUT:
        protect_inputs('--out', options.out, read)


class _Prediction:
    """Predict images in batches, and write and draw the results.

    Args:
        predictor (Predictor): The model.
        file (PredictionFile): File of the results.
        options (argparse.Namespace): Options of the command line.
        drawings (Drawings, optional): Draws the results.
        sizes (Mapping): Sizes of images in the file of boxes.
    """

    def __init__(
        self,
        predictor: Predictor,
        file: PredictionFile,
        options: argparse.Namespace,
        drawings: Drawings | None,
        sizes: Mapping[str, tuple[float, float]],
    ) -> None:
        self.predictor = predictor
        self.file = file
        self.options = options
        self.drawings = drawings
        self.sizes = sizes
        self.images = 0
        self.weak = 0  # faces below --min-confidence
        self.failed: FailureGroups | None = None
        self.start = monotonic()

    def run(self, paths: Sequence[str], boxes: Sequence[np.ndarray | None]) -> None:
        """Predict all images."""
        quiet = self.options.quiet or self.options.verbose
        size = max(BATCH, self.options.batch_size or 0)
        with progress('images', len(paths), quiet) as advance:
            for i in range(0, len(paths), size):
                part = slice(i, i + size)
                for result in self._predict(paths[part], boxes[part]):
                    self._keep(result)
                advance(len(paths[part]))

    def _predict(
        self, paths: Sequence[str], boxes: Sequence[np.ndarray | None]
    ) -> list[Result]:
        """Predict a batch; if it fails, predict its images one by one."""
        if self.options.boxes:
            for path, known in zip(paths, boxes, strict=True):
                if known is None:
                    reason = f'{self.options.boxes!r} does not name this image.'
                    self._miss(path, reason)
            named = [i for i, known in enumerate(boxes) if known is not None]
            paths, boxes = [paths[i] for i in named], [boxes[i] for i in named]
        if not paths:
            return []
        try:
            given = boxes if self.options.boxes else None
            return [self.predictor(list(paths), given)]
        except Exception as error:  # any error of OpenCV, memory or network
            if len(paths) == 1:
                self._miss(paths[0], f'{type(error).__name__}: {error}')
                return []
        results = []
        for path, known in zip(paths, boxes, strict=True):
            results += self._predict([path], [known])
        return results

    def _keep(self, result: Result) -> None:
        """Store and draw the faces of a result."""
        if self.sizes:
            result = fail_other_sizes(result, self.sizes)
        searched = set(result.image_index) | {f.image for f in result.failures}
        if self.options.min_confidence:
            result = self._without_weak(result)
        self.file.add(result)
        self.images += len(result.images)
        for failure in result.failures:
            name = result.images[failure.image].name
            self._group(name, failure.reason, failure.face)
        for i, image in enumerate(result.images):
            rows = result.image_index == i
            self._say(f'{image.name}: {counted(int(rows.sum()), "face")}')
            if rows.any() and self.drawings:
                try:
                    self.drawings.draw(result.of(i))
                except (OSError, ValueError) as error:
                    self.fail(image.name, f'its drawing cannot be written: {error}')
            elif not self.options.boxes and i not in searched:
                self.fail(image.name, NO_FACE)

    def _without_weak(self, result: Result) -> Result:
        """Leave out faces of low confidence; failed faces stay."""
        weak = result.found & (result.confidence.mean(1) < self.options.min_confidence)
        self.weak += int(weak.sum())
        return replace(result[~weak], failures=result.failures)

    def _miss(self, path: str, reason: str) -> None:
        """Store an image that could not be predicted."""
        self.images += 1
        self.fail(path, reason)

    def fail(self, path: str, reason: str) -> None:
        """Store the failure of an image."""
        self.file.fail(path, reason)
        self._group(path, reason)

    def _group(self, path: str, reason: str, face: int | None = None) -> None:
        """Count a failure for the summary."""
        if self.failed is None:
            from .failures import FailureGroups

            self.failed = FailureGroups()
        self.failed.add(path, reason, face)
        where = path if face is None else f'{path}, face {face}'
        self._say(f'{where}: {reason}')

    def _say(self, line: str) -> None:
        """Print a line for --verbose."""
        if self.options.verbose:
            say(line, sys.stderr)

    def summary(self, notes: Iterable[str]) -> str:
        """Return the numbers of faces, images and failures, with the reasons."""
        where = self.file.path
        if self.options.out == STANDARD_OUTPUT:
            where = 'stdout'
        line = (
            f'{counted(self.file.faces, "face")} in '
            f'{counted(self.images, "image")}, {self.file.failures} failed, '
            f'{monotonic() - self.start:.1f} s: {where}'
        )
        lines = [line, *(self.failed.lines() if self.failed else ())]
        if self.file.kept:
            lines.append('  no image could be read: the earlier file stays as it was')
        if self.weak:
            lines.append(
                f'  {counted(self.weak, "face")} left out: mean confidence below '
                f'{self.options.min_confidence:g}'
            )
        lines += [f'  {note}' for note in notes]
        return '\n'.join(lines)
