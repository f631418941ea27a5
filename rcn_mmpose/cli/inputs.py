"""Command-line options for models, and lists of image files."""
# DOCS The options by which verbs are told which model to use.
# DOCS
# DOCS From what is named on the command line to the images.

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..inference import Predictor


def add_model_arguments(
    parser: argparse.ArgumentParser,
    default: str | None = None,
    predicts: bool = True,
) -> None:
    """Add the arguments.

    Args:
        parser (argparse.ArgumentParser): Of the verb.
        default (str, optional): Name of the model where none is given; if
            left out, one has to be given.
        predicts (bool): Whether the verb predicts, so that precision and
            passes can be chosen. Defaults to True.
    """
    known = f' (default: {default})' if default else ''
    group = parser.add_argument_group('model')
    group.add_argument(
        '--model',
        required=default is None,
        default=default,
        help='a checkpoint (.pth) of tools/train.py, an exported .onnx, a '
        'name that rcn-mmpose models lists, or a config that goes with '
        f'--checkpoint{known}',
    )
    group.add_argument('--checkpoint', help='weights to go with a config')
    group.add_argument(
        '--device',
        default='cpu',
        help='where the network runs, as PyTorch names it (default: cpu)',
    )
    if not predicts:
        parser.set_defaults(precision='fp32', passes=1)
        return
    group.add_argument(
        '--precision',
        choices=('fp32', 'bf16'),
        default='fp32',
        help='of the network (default: fp32)',
    )
    group.add_argument(
        '--passes',
        type=int,
        choices=(1, 2),
        default=1,
        help='2 predicts each face again from an upright crop about the '
        'keypoints found first and joins both, in twice the time (default: 1)',
    )


def add_detector_argument(parser: argparse._ArgumentGroup) -> None:
    """Add the argument of the face detector."""
    parser.add_argument(
        '--smallest-face',
        type=float,
        default=0.05,
        metavar='PART',
        help="of the image's shorter side, for the detector (default: 0.05)",
    )


def load(options: argparse.Namespace, runtime: str | None = None) -> Predictor:
    """Load the model that was named, see ``load_model``."""
    from ..inference import load_model

    return load_model(
        options.model,
        options.checkpoint,
        precision=options.precision,
        device=options.device,
        passes=options.passes,
        runtime=runtime,
    )


# what OpenCV decodes, by the endings of files
ENDINGS = tuple(
    '.avif .bmp .dib .exr .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png '
    '.pnm .ppm .pxm .ras .sr .tif .tiff .webp'.split()
)

EMPTY = 'the folder holds no image.'
SHALLOW = (
    'the folder itself holds no image; --recursive looks into the folders in it, too.'
)


class ImageList(NamedTuple):
    """What was found.

    Attributes:
        paths: Of the images, each once, as it was named first and in
            the order they were named; those of a folder by name.
        failures: Names of which nothing came, and why.
        others: How many files in folders have the ending of no image.
    """

    paths: list[str]
    failures: list[tuple[str, str]]
    others: int


def list_images(names: Iterable[str], recursive: bool = False) -> ImageList:
    """Find the images.

    Args:
        names (Iterable[str]): Files, whatever their ending (they are not
            looked at); folders, of which the files with the ending of an
            image are taken; or patterns with ``*``, ``?`` or ``[``, where
            ``**`` stands for any folders.
        recursive (bool): Whether to take the folders in folders as well.
            Defaults to False.

    Returns:
        ImageList: The images, and what is none.
    """
    paths: dict[str, str] = {}  # as they are named, by where they lie
    failures, others = [], 0
    for name in names:
        found = [name]
        if not os.path.lexists(name) and glob.has_magic(name):
            found = sorted(glob.glob(name, recursive=True))
            if not found:
                failures.append((name, 'the pattern matches no file.'))
        for path in found:
            if not os.path.isdir(path):
                paths.setdefault(_place(path), path)
                continue
            files, unread = _files(path, recursive)
            failures += unread
            images = [f for f in files if f.lower().endswith(ENDINGS)]
            others += len(files) - len(images)
            for image in images:
                paths.setdefault(_place(image), image)
            if not images and not unread:
                failures.append((path, EMPTY if recursive else SHALLOW))
    return ImageList(list(paths.values()), failures, others)


def _place(path: str) -> str:
    """Return what all spellings of a path have in common.

    A file and a link to it stay two: their names may mean something.
    """
    folder, name = os.path.split(path)
    if os.pardir in folder.split(os.sep):
        # above a link lies what is above the folder it leads to
        folder = os.path.realpath(folder)
    return os.path.join(os.path.abspath(folder), name)


def _files(folder: str, recursive: bool) -> tuple[list[str], list[tuple[str, str]]]:
    """List the files of a folder by name, and the folders not readable."""
    files, unread = [], []

    def note(error: OSError) -> None:
        unread.append((error.filename, f'the folder cannot be read: {error.strerror}.'))

    for place, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        files += [os.path.join(place, name) for name in sorted(names)]
        if not recursive:
            break
    return files, unread
