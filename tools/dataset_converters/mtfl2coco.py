"""Convert the official MTFL dataset, with its AFLW test faces, to COCO json.

    python tools/dataset_converters/mtfl2coco.py data/mtfl

reads training.txt, testing.txt and the images, and writes

    data/annotations/mtfl_train.json    9,000 faces
    data/annotations/mtfl_val.json      1,000 faces
    data/annotations/aflw5_test.json    2,995 faces

Faces are sorted by name. Duplicate photos are on the same side of the split. Bounding
boxes follow the paper's rule for 5 keypoints.
"""

import argparse
import os
import sys

import numpy as np
from rich.progress import track

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.datasets.near_duplicates import (
    aligned_patch,
    group_duplicates,
    split_groups,
)
from rcn_mmpose.datasets.transforms import LoadGreyImage
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.geometry.boxes import box_from_eyes_and_mouth
from rcn_mmpose.geometry.keypoints import FIVE_NAMES
from rcn_mmpose.io.coco import Face, write_faces
from rcn_mmpose.io.text_files import open_text

ATTRIBUTES = ('gender', 'smile', 'glasses', 'pose')
FIELDS = 1 + 10 + len(ATTRIBUTES)


def parse_line(line: str, where: str) -> tuple:
    """Parse a line ``path x1..x5 y1..y5 gender smile glasses pose``.

    Backslashes, leading spaces and CRLF are accepted, because the official files
    contain them.

    Args:
        line (str): A line that is not blank.
        where (str): File and line number, for error messages.

    Returns:
        tuple: Name, keypoints (5, 2), attributes.

    Raises:
        ValueError: If a field is missing or is not a number.
    """
    # From the right, as a name may hold blanks.
    fields = line.strip().rsplit(maxsplit=FIELDS - 1)
    if len(fields) != FIELDS:
        raise ValueError(
            f'{where}: {len(fields)} fields instead of {FIELDS} (image, 5 '
            f'x, 5 y, 4 attributes): {line.strip()!r}; the file may be '
            'truncated. Unpack the archive again.'
        )
    try:
        numbers = np.array(fields[1:11], dtype=np.float64)
        attributes = [int(value) for value in fields[11:]]
    except ValueError as error:
        raise ValueError(
            f'{where}: {error}; all fields after the first must be numbers.'
        ) from None
    name = fields[0].replace('\\', '/')
    keypoints = numbers.reshape(2, 5).T
    return name, keypoints, dict(zip(ATTRIBUTES, attributes, strict=False))


def read_list(path: str) -> list[tuple]:
    """Read a list of faces.

    Args:
        path (str): ``training.txt`` or ``testing.txt``.

    Returns:
        list[tuple]: Name, keypoints (5, 2), attributes and line number of each
        face, sorted by name.

    Raises:
        ValueError: If the file is not UTF-8, or a line is broken.
    """
    try:
        with open_text(path) as file:
            lines = file.read().splitlines()
    except ValueError as error:
        raise ValueError(
            f'{path} is not a list of MTFL ({error}); unpack the archive again.'
        ) from error
    entries = [
        (*parse_line(line, f'{path}, line {number}'), number)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    return sorted(entries, key=lambda entry: entry[0])


def read_faces(root: str, list_name: str) -> tuple[list[Face], np.ndarray]:
    """Read a list of faces and their images.

    Args:
        root (str): Folder of MTFL.
        list_name (str): ``training.txt`` or ``testing.txt``.

    Returns:
        tuple[list[Face], np.ndarray]: The faces, sorted by name, and their aligned
        patches (N, 1024).

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a line or an image is broken, a name occurs twice, or a
            keypoint is outside its image.
    """
    path = os.path.join(root, list_name)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'{path} does not exist; give the folder of the unpacked MTFL '
            'archive, which contains training.txt and testing.txt.'
        )
    entries = read_list(path)
    load = LoadGreyImage()
    faces, patches = [], []
    previous = None
    for name, keypoints, attributes, number in track(entries, list_name):
        where = f'{path}, line {number}, {name}'
        if name == previous:
            raise ValueError(f'{where}: this image is listed twice.')
        previous = name
        grey = load(dict(img_path=os.path.join(root, name)))['img']
        height, width = grey.shape
        # Pixel centres are whole numbers, so the image spans -0.5 .. w-0.5.
        inside = (keypoints >= -0.5) & (keypoints <= np.array([width, height]) - 0.5)
        if not inside.all():
            k = int(np.argmin(inside.all(1)))
            raise ValueError(
                f'{where}: {FIVE_NAMES[k]} at {keypoints[k].tolist()} is '
                f'outside the image of {width}x{height}; correct or remove '
                'the line.'
            )
        box = box_from_eyes_and_mouth(keypoints, (width, height))
        faces.append(Face(name, (width, height), keypoints, box, attributes))
        patches.append(aligned_patch(grey, keypoints))
    if not faces:
        raise ValueError(f'{path} is empty; unpack the MTFL archive again.')
    return faces, np.array(patches)


def main(args: list[str]) -> None:
    """Run the conversion."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', help='folder of the unpacked MTFL archive')
    parser.add_argument(
        '--out',
        default='data/annotations',
        help='folder of the annotation files (default: data/annotations)',
    )
    parser.add_argument(
        '--validation',
        type=int,
        default=1000,
        help='number of validation faces (default: 1000)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the split (default: 0)'
    )
    options = parser.parse_args(args)

    faces, patches = read_faces(options.root, 'training.txt')
    groups = group_duplicates(patches)
    parts = split_groups(
        [face.file_name for face in faces],
        groups,
        options.validation,
        options.seed,
    )
    doubles = [group for group in groups if len(group) > 1]
    print(
        f'{sum(map(len, doubles))} faces in {len(doubles)} groups of '
        'near-duplicates; the split divides no group'
    )
    test, _ = read_faces(options.root, 'testing.txt')
    for name, part in (
        ('mtfl_train', [faces[i] for i in parts[0]]),
        ('mtfl_val', [faces[i] for i in parts[1]]),
        ('aflw5_test', test),
    ):
        path = os.path.join(options.out, f'{name}.json')
        write_faces(path, part, FIVE_NAMES, description=name)
        print(f'{path}: {len(part)} faces')


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
