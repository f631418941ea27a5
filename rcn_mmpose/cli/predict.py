"""Find the keypoints of the faces in images.

The boxes come from a file, or from a detector of upright frontal faces. An
image that fails does not stop the others. Exit status: 0 if all faces of all
images were predicted, 1 if something failed (an image without a face counts),
2 for wrong use.
"""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..io.box_files import boxes_of, read_boxes
from ..io.output import PredictionFile
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
    from ..inference.predictor import Predictor
    from ..io.output import Result
    from .drawings import Drawings
    from .failures import FailureGroups

EXAMPLES = """\
rcn-mmpose predict photo.jpg --draw drawn
rcn-mmpose predict --model rcn-5 images/ 'more/**/*.png' \\
    --boxes boxes.csv --out keypoints.csv"""
BATCH = 32  # images in one call of the model
NO_FACE = (
    'no face was found; the detector finds upright frontal faces only. Give the '
    'box by --boxes, or search for smaller faces by --smallest-face.'
)
# File endings of the formats that OpenCV decodes.
IMAGE_ENDINGS = tuple(
    '.avif .bmp .dib .exr .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png '
    '.pnm .ppm .pxm .ras .sr .tif .tiff .webp'.split()
)
NO_IMAGE = 'the folder holds no image.'
NO_IMAGE_AT_TOP = (
    'the folder itself holds no image; --recursive also searches its subfolders.'
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
        help='output file, .json (COCO) or .csv (default: keypoints.json)',
    )
    parser.add_argument(
        '--draw', metavar='DIR', help='folder for drawings of the keypoints'
    )
    parser.add_argument(
        '--ellipses',
        action='store_true',
        help='also draw ellipses with 90 %% of the probability',
    )
    parser.add_argument('--quiet', action='store_true', help='show no progress')
    add_model_arguments(parser, 'rcn-68')


def run(options: argparse.Namespace) -> int:
    """Predict, write and draw."""
    if options.ellipses and not options.draw:
        raise ValueError('--ellipses needs --draw DIR; give both.')
    listed = list_images(options.images, options.recursive)
    _protect_inputs(options, listed.paths)
    drawings = None
    if options.draw:
        from .drawings import Drawings

        drawings = Drawings(options.draw, listed.paths, options.ellipses)
    boxes: list[np.ndarray | None] = [None] * len(listed.paths)
    if options.boxes:
        boxes = boxes_of(listed.paths, read_boxes(options.boxes))
    stopped = False
    with PredictionFile(options.out) as file:
        predictor = load(options)
        say_licence(predictor)
        if not options.boxes:
            from ..detect.haar import HaarDetector

            detector = HaarDetector.for_model(predictor, options.smallest_face)
            predictor = predictor.with_detector(detector)
        work = _Prediction(predictor, file, options, drawings)
        for name, reason in listed.failures:
            work.fail(name, reason)
        try:
            work.run(listed.paths, boxes)
        except KeyboardInterrupt:
            stopped = True
    summary = work.summary(listed.ignored)
    if stopped:
        raise PartlyDone(summary)
    print(summary)
    return 1 if file.failures else 0


class ImageList(NamedTuple):
    """The images that were found.

    Attributes:
        paths: Paths of the images, in the order of the command line; the images
            of a folder are sorted by name. Each image occurs once, under its
            first name.
        failures: Names without an image, with the reasons.
        ignored: Number of files in folders that do not have the ending of an
            image.
    """

    paths: list[str]
    failures: list[tuple[str, str]]
    ignored: int


def list_images(names: Iterable[str], recursive: bool = False) -> ImageList:
    """Find the images that are named.

    Args:
        names (Iterable[str]): Files with any ending (they are not read here);
            folders, whose files with the ending of an image are taken; or
            patterns with ``*``, ``?`` or ``[``, in which ``**`` stands for any
            number of folders.
        recursive (bool): Whether to search subfolders. Defaults to False.

    Returns:
        ImageList: The images, and the names without an image.
    """
    paths: dict[str, str] = {}  # from absolute path to the name as given
    failures, ignored = [], 0
    for name in names:
        found = [name]
        if not os.path.lexists(name) and glob.has_magic(name):
            found = sorted(glob.glob(name, recursive=True))
            if not found:
                failures.append((name, 'the pattern matches no file.'))
        for path in found:
            if not os.path.isdir(path):
                paths.setdefault(_absolute(path), path)
                continue
            files, unread = _files(path, recursive)
            failures += unread
            images = [f for f in files if f.lower().endswith(IMAGE_ENDINGS)]
            ignored += len(files) - len(images)
            for image in images:
                paths.setdefault(_absolute(image), image)
            if not images and not unread:
                failures.append((path, NO_IMAGE if recursive else NO_IMAGE_AT_TOP))
    return ImageList(list(paths.values()), failures, ignored)


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


def _files(folder: str, recursive: bool) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the files of a folder by name, and the unreadable folders."""
    files: list[str] = []
    unread: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        unread.append((error.filename, f'the folder cannot be read: {error.strerror}.'))

    for place, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        files += [os.path.join(place, name) for name in sorted(names)]
        if not recursive:
            break
    return files, unread


def _protect_inputs(options: argparse.Namespace, paths: Sequence[str]) -> None:
    """Check that the output file does not overwrite an input file."""
    read = dict.fromkeys(paths, 'one of the images') | model_inputs(options)
    if options.boxes:
        read[options.boxes] = 'the file of boxes'
    protect_inputs('--out', options.out, read)


class _Prediction:
    """Predict images in batches, and write and draw the results.

    Args:
        predictor (Predictor): The model.
        file (PredictionFile): File of the results.
        options (argparse.Namespace): Options of the command line.
        drawings (Drawings, optional): Draws the results.
    """

    def __init__(
        self,
        predictor: Predictor,
        file: PredictionFile,
        options: argparse.Namespace,
        drawings: Drawings | None,
    ) -> None:
        self.predictor = predictor
        self.file = file
        self.options = options
        self.drawings = drawings
        self.images = 0
        self.failed: FailureGroups | None = None
        self.start = monotonic()

    def run(self, paths: Sequence[str], boxes: Sequence[np.ndarray | None]) -> None:
        """Predict all images."""
        quiet = self.options.quiet
        with progress('images', len(paths), quiet) as advance:
            for i in range(0, len(paths), BATCH):
                part = slice(i, i + BATCH)
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
        self.file.add(result)
        self.images += len(result.images)
        failed = {failure.image for failure in result.failures}
        for failure in result.failures:
            name = result.images[failure.image].name
            self._group(name, failure.reason, failure.face)
        for i, image in enumerate(result.images):
            if (result.image_index == i).any():
                if self.drawings:
                    try:
                        self.drawings.draw(result.of(i))
                    except (OSError, ValueError) as error:
                        reason = f'its drawing cannot be written: {error}'
                        self.fail(image.name, reason)
            elif not self.options.boxes and i not in failed:
                self.fail(image.name, NO_FACE)

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

    def summary(self, ignored: int) -> str:
        """Return the numbers of faces, images and failures, with the reasons."""
        line = (
            f'{counted(self.file.faces, "face")} in '
            f'{counted(self.images, "image")}, {self.file.failures} failed, '
            f'{monotonic() - self.start:.1f} s: {self.file.path}'
        )
        lines = [line, *(self.failed.lines() if self.failed else ())]
        if self.file.kept:
            lines.append('  no image was predicted: the earlier file stays as it was')
        if ignored:
            lines.append(
                f'  {counted(ignored, "file")} in the folders ignored: no ending '
                'of an image'
            )
        return '\n'.join(lines)
