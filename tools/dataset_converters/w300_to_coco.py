"""Convert the official 300W dataset to COCO json.

    python tools/dataset_converters/w300_to_coco.py data/300w

reads the folders afw, helen/trainset, lfpw/trainset, helen/testset, lfpw/testset and
ibug, or those that exist, and writes

    data/annotations/300w_train.json    9 of 10 training faces
    data/annotations/300w_val.json      1 of 10
    data/annotations/300w_test.json     the test faces
    data/annotations/300w_common.json, 300w_challenging.json
                                        only if these subsets are complete

The program leaves out missing and broken faces and prints them. Faces of one photo and
duplicate photos are on the same side of the split. Bounding boxes follow the paper's
rule for 68 keypoints.
"""

from __future__ import annotations

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
from rcn_mmpose.geometry.boxes import box_from_extent
from rcn_mmpose.geometry.keypoints import NAMES_68, five_from_68
from rcn_mmpose.io.coco import Face, labels_of, write_faces
from rcn_mmpose.io.folders import find_files
from rcn_mmpose.io.label_check import check_labels
from rcn_mmpose.io.pts import find_image, read_pts

# name: (folder, number of faces in the official release)
PARTS = {
    'AFW': ('afw', 337),
    'HELEN train': ('helen/trainset', 2000),
    'LFPW train': ('lfpw/trainset', 811),
    'HELEN test': ('helen/testset', 330),
    'LFPW test': ('lfpw/testset', 224),
    'IBUG': ('ibug', 135),
}
LISTS = {
    'train': ('AFW', 'HELEN train', 'LFPW train'),
    'common': ('HELEN test', 'LFPW test'),
    'challenging': ('IBUG',),
    'full': ('HELEN test', 'LFPW test', 'IBUG'),
}


def list_size(name: str) -> int:
    """Return the number of faces in an official list."""
    return sum(PARTS[part][1] for part in LISTS[name])


def read_part(root: str, part: str) -> tuple[list[Face], list, list[str]]:
    """Read all faces of a folder.

    Args:
        root (str): Folder of 300W.
        part (str): One of :data:`PARTS`.

    Returns:
        tuple: The faces, sorted by name, their aligned patches, and a message for
        each broken face.
    """
    folder = PARTS[part][0]
    faces, patches, broken = [], [], []
    load = LoadGreyImage()
    paths = []
    if os.path.isdir(os.path.join(root, folder)):
        found = find_files(os.path.join(root, folder), recursive=False)
        paths = [path for path in found.files if path.lower().endswith('.pts')]
        broken = [f'{path}: {reason}' for path, reason in found.unread]
    for path in track(paths, f'{part:12}'):
        try:
            image = find_image(path)
            points = read_pts(path)
            if len(points) != 68:
                raise ValueError(f'{path} has {len(points)} points, not 68')
            grey = load(dict(img_path=image, keypoints=points[None]))['img']
            box = box_from_extent(points)
        except ValueError as error:
            broken.append(str(error))
            continue
        name = os.path.relpath(image, root).replace(os.sep, '/')
        size = grey.shape[::-1]
        faces.append(Face(name, size, points, box, dict(part=part)))
        patches.append(aligned_patch(grey, five_from_68(points)))
    return faces, patches, broken


def describe(counts: dict[str, int]) -> tuple[str, int]:
    """Describe which official list the available test faces form.

    Args:
        counts (dict[str, int]): Number of available faces of each test part.

    Returns:
        tuple[str, int]: ``common``, ``challenging`` or ``full`` if exactly this list
        is available; otherwise a description such as ``LFPW test, 224 of 554``.
        Then the number of faces in the smallest list that contains all parts.
    """
    counts = {part: count for part, count in counts.items() if count}
    for name in ('common', 'challenging', 'full'):
        if counts.keys() <= set(LISTS[name]):
            break
    total = list_size(name)
    if sum(counts.values()) == total:
        return name, total
    return f'{" + ".join(counts)}, {sum(counts.values())} of {total}', total


def photo_of(name: str) -> str:
    """Return the photo of a face; in AFW and HELEN a photo may have several faces."""
    stem = os.path.splitext(name)[0]
    return stem if stem.startswith('lfpw') else stem.rpartition('_')[0]


def main(args: list[str]) -> None:
    """Run the conversion."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', help='folder with afw, helen, lfpw, ibug')
    parser.add_argument(
        '--out',
        default='data/annotations',
        help='folder of the annotation files (default: data/annotations)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the split (default: 0)'
    )
    options = parser.parse_args(args)

    found = {part: read_part(options.root, part) for part in PARTS}
    counts = {part: len(faces) for part, (faces, _, _) in found.items()}
    if not any(counts.values()):
        raise FileNotFoundError(
            f'{options.root} has no folder of '
            f'{", ".join(folder for folder, _ in PARTS.values())} with .pts '
            'files; give the folder that contains them.'
        )
    for part, (faces, _, broken) in found.items():
        missing = PARTS[part][1] - len(faces) - len(broken)
        if missing > 0:
            print(f'{part}: {missing} of {PARTS[part][1]} are missing')
        for line in broken:
            print(f'{part}: left out, {line}')

    selections = {}
    train = [face for part in LISTS['train'] for face in found[part][0]]
    if train:
        names = [face.file_name for face in train]
        groups = group_duplicates(
            np.array([p for part in LISTS['train'] for p in found[part][1]]),
            photos=[photo_of(name) for name in names],
        )
        count = len(train) // 10
        first, second = split_groups(names, groups, count, options.seed)
        total = list_size('train')
        whole = 'train' if len(train) == total else (f'train, {len(train)} of {total}')
        selections['train'] = ([train[i] for i in first], whole, len(first))
        selections['val'] = (
            [train[i] for i in second],
            f'validation part of {whole}',
            count,
        )
    test_counts = {part: counts[part] for part in LISTS['full']}
    if any(test_counts.values()):
        test = [face for part in LISTS['full'] for face in found[part][0]]
        selections['test'] = (test, *describe(test_counts))
    for name in ('common', 'challenging'):
        faces = [face for part in LISTS[name] for face in found[part][0]]
        if len(faces) == list_size(name):
            selections[name] = (faces, name, len(faces))
    for faces, _, _ in selections.values():
        check_labels(labels_of(faces))
    for name, (faces, description, listed) in selections.items():
        path = os.path.join(options.out, f'300w_{name}.json')
        write_faces(path, faces, NAMES_68, listed, description)
        print(f'{path}: {len(faces)} faces ({description})')


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
