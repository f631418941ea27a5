r"""Convert a folder of images and .pts files to COCO json files.

    python tools/dataset_converters/pts2coco.py data/own \
        --flip-pairs 0-1 3-4 --eyes 0 1

reads NAME.pts, with any number of keypoints, and NAME.jpg, NAME.png or another
image from data/own and all folders below it, and writes

    data/own/annotations/train.json    9 of 10 faces
    data/own/annotations/val.json      1 of 10

A bounding box is the square around the keypoints, enlarged 1.3 times. The program
prints what it leaves out: faces that are broken or outside their image, hidden
files, images without a .pts file, and folders that cannot be read. It also runs
OpenCV's face detector on up to 200 training faces, and writes how the bounding boxes
follow from the detector's into both files. A model that is trained on them then gets
the right crops from the detector.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from PIL import ExifTags, Image
from rich.progress import track

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.datasets.face.own_faces import own_metainfo
from rcn_mmpose.datasets.near_duplicates import split_groups
from rcn_mmpose.datasets.transforms import LoadGreyImage
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.geometry.boxes import box_from_extent
from rcn_mmpose.io.coco import Face, labels_of, write_faces
from rcn_mmpose.io.folders import find_files, is_image
from rcn_mmpose.io.label_check import check_labels
from rcn_mmpose.io.pts import find_image, read_pts
from rcn_mmpose.lab.calibration.detector_boxes import measure_training_boxes
from rcn_mmpose.lab.calibration.save_training_boxes import save_training_boxes

NAMED = 5  # files that are left out for one reason and named


def is_hidden(path: str, root: str) -> bool:
    """Return whether a file or one of its folders below the root is hidden."""
    return any(
        name.startswith('.') for name in os.path.relpath(path, root).split(os.sep)
    )


def named(paths: list[str], root: str) -> str:
    """Return the first paths as a text, and the number of the others."""
    names = [os.path.relpath(path, root) for path in paths[:NAMED]]
    more = f' and {len(paths) - NAMED} more' if len(paths) > NAMED else ''
    return f'{", ".join(names)}{more}'


def is_rotated(path: str) -> bool:
    """Return whether the EXIF tag of an image rotates or mirrors it."""
    try:
        with Image.open(path) as image:
            return image.getexif().get(ExifTags.Base.Orientation, 1) > 1
    except (OSError, ValueError):  # a format that only OpenCV reads
        return False


def indices(text: str) -> list[int]:
    """Parse indices such as ``3-4`` or ``36,39``."""
    try:
        return [int(i) for i in text.replace('-', ',').split(',')]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r}: give indices such as 3-4 or 36,39'
        ) from None


def main(args: list[str]) -> None:
    """Run the conversion."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', help='folder of images and .pts files')
    parser.add_argument(
        '--out',
        help='folder of the annotation files (default: annotations/ in the root)',
    )
    parser.add_argument(
        '--names', nargs='+', help='names of the keypoints (default: kpt-0, kpt-1, ...)'
    )
    parser.add_argument(
        '--flip-pairs',
        nargs='+',
        type=indices,
        default=[],
        help='pairs of keypoints that swap in a mirrored image, such as 0-1',
    )
    parser.add_argument(
        '--eyes',
        nargs=2,
        type=indices,
        help='keypoints whose mean is the left and the right eye, such as 36,39 42,45',
    )
    parser.add_argument(
        '--scale', type=float, default=1.3, help='scale of the boxes (default: 1.3)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the split (default: 0)'
    )
    options = parser.parse_args(args)

    load = LoadGreyImage()
    found = find_files(options.root)
    faces = []
    rotated: list[str] = []
    broken = [f'{path}: {reason}' for path, reason in found.unread]
    paths, hidden, unused = [], [], dict[str, None]()
    for path in sorted(found.files):
        is_pts = path.lower().endswith('.pts')
        if is_hidden(path, options.root):
            hidden += [path] * is_pts
        elif is_pts:
            paths.append(path)
        elif is_image(path):
            unused[path] = None
    for path in track(paths, 'faces'):
        try:
            image = find_image(path)
            unused.pop(image, None)
            points = read_pts(path)
            grey = load(dict(img_path=image, keypoints=points[None]))['img']
            box = box_from_extent(points, options.scale)
            if faces and len(points) != len(faces[0].keypoints):
                raise ValueError(
                    f'{path} has {len(points)} points, but the earlier files have '
                    f'{len(faces[0].keypoints)}'
                )
        except ValueError as error:
            broken.append(str(error))
            continue
        rotated += [image] * is_rotated(image)
        name = os.path.relpath(image, options.root).replace(os.sep, '/')
        faces.append(Face(name, grey.shape[::-1], points, box, {}))
    for line in broken:
        print(f'left out, {line}')
    for what, those in (
        ('hidden .pts files', hidden),
        ('images without a .pts file of the same name', list(unused)),
    ):
        if those:
            print(f'left out, {len(those)} {what}: {named(those, options.root)}')
    if rotated:
        print(
            f'{len(rotated)} images are rotated by their EXIF tag, and their keypoints '
            f'must be those of the rotated image: {named(rotated, options.root)}'
        )
    if faces:
        check_labels(labels_of(faces))
    if len(faces) < 2:
        raise ValueError(
            f'{options.root} has {len(faces)} usable faces; give at least 2 images, '
            'each with a .pts file of the same name.'
        )
    count = len(faces[0].keypoints)
    names = options.names or [f'kpt-{i}' for i in range(count)]
    if len(names) != count:
        raise ValueError(f'--names: {len(names)} names for {count} keypoints.')
    # This call checks the indices.
    own_metainfo(names, options.flip_pairs, options.eyes, 'own')
    relations = dict(flip_pairs=options.flip_pairs)
    if options.eyes:
        relations['eyes'] = options.eyes

    train, validation = split_groups(
        [face.file_name for face in faces],
        [[i] for i in range(len(faces))],
        max(1, len(faces) // 10),
        options.seed,
    )
    out = options.out or os.path.join(options.root, 'annotations')
    for name, part in (('train', train), ('val', validation)):
        path = os.path.join(out, f'{name}.json')
        write_faces(
            path,
            [faces[i] for i in part],
            names,
            description=f'{name} of {options.root}',
            relations=relations,
        )
        print(f'{path}: {len(part)} faces of {count} keypoints')
    with open(os.path.join(out, 'train.json'), encoding='utf-8') as file:
        boxes, said = measure_training_boxes(json.load(file), options.root)
    for name in ('train', 'val'):
        save_training_boxes(os.path.join(out, f'{name}.json'), boxes)
    print(said)


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
