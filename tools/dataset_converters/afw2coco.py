"""Convert the official AFW dataset to a COCO json with 5 keypoints.

    python tools/dataset_converters/afw2coco.py data/afw

reads anno.mat (MATLAB 7.3) and the images in the same folder or in testimages/,
and writes data/annotations/afw_test.json. The file holds the faces with all six
landmarks (377 in the official release), without the centre of the mouth. The
program prints and counts each face that it cannot use.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator

import h5py
import numpy as np
from rich.progress import track

from rcn_mmpose import compat

compat.activate()

from rcn_mmpose.datasets.transforms import LoadGreyImage
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.geometry.boxes import box_from_eyes_and_mouth
from rcn_mmpose.geometry.keypoints import FIVE_NAMES
from rcn_mmpose.io import BROKEN
from rcn_mmpose.io.coco import Face, write_faces

OFFICIAL = 377
# Maximum number of images, faces and letters, far above the true numbers. A malicious
# header may claim any number.
MOST = 10_000


def read_annotations(path: str) -> Iterator[tuple[str, int, np.ndarray]]:
    """Read all faces of ``anno.mat``.

    ``anno`` is a cell array with one row per image: name, boxes, poses, points.
    The last three are cells with one entry per face. MATLAB stores the array
    transposed.

    Args:
        path (str): Path of ``anno.mat``.

    Yields:
        tuple: Name of the image, number of the face in the image (from 1) and 0-based
        landmarks (6, 2); NaN for a landmark without annotation.

    Raises:
        ValueError: If the file is not a complete ``anno.mat`` of AFW.
    """
    faces = 0
    try:
        with h5py.File(path) as file:
            for name, _, _, points in _array(file, 'anno').T:
                image = ''.join(map(chr, _array(file, name).ravel()))
                for face in enumerate(_array(file, points).ravel(), 1):
                    number, landmarks = face[0], _array(file, face[1])
                    landmarks = landmarks.T.astype(np.float64)
                    if landmarks.shape != (6, 2):
                        raise ValueError(
                            f'{image}, face {number}: landmarks of shape '
                            f'{landmarks.shape}'
                        )
                    faces += 1
                    if faces > MOST:  # a malicious cell may contain itself
                        raise ValueError(f'more than {MOST} faces')
                    yield image, number, landmarks - 1
    except (*BROKEN, OSError, RuntimeError) as error:
        raise ValueError(
            f'{path} is not the complete anno.mat of AFW ({error}); unpack the '
            'archive again.'
        ) from error


def _array(file: h5py.File, key: str | h5py.Reference) -> np.ndarray:
    """Read an array after a check of its size.

    Raises:
        ValueError: If the array is too large, or is stored in another file.
    """
    found = file[key]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f'{found.name} is not an array')
    layout = found.id.get_create_plist()
    chunk = math.prod(found.chunks or (1,))
    if max(found.size or 0, chunk) > MOST or found.dtype.itemsize > 16:
        raise ValueError(f'{found.name} is too large: {found.shape} {found.dtype}')
    if found.file != file or layout.get_external_count() or found.is_virtual:
        raise ValueError(f'{found.name} is stored in another file')
    return found[()]


def drop_mouth_centre(landmarks: np.ndarray) -> np.ndarray:
    """Convert the six landmarks of AFW to the five keypoints of MTFL.

    The first three landmarks are the eyes and the nose tip. The last three belong to
    the mouth; its centre has the smallest sum of distances to the other two.

    Args:
        landmarks (np.ndarray): Of shape (6, 2).

    Returns:
        np.ndarray: Of shape (5, 2).
    """
    mouth = landmarks[3:]
    apart = np.linalg.norm(mouth[:, None] - mouth, axis=-1).sum(1)
    return np.concatenate((landmarks[:3], np.delete(mouth, apart.argmin(), 0)))


def main(args: list[str]) -> None:
    """Run the conversion."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', help='folder with anno.mat')
    parser.add_argument(
        '--out',
        default='data/annotations',
        help='folder of the annotation files (default: data/annotations)',
    )
    options = parser.parse_args(args)

    path = os.path.join(options.root, 'anno.mat')
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'{path} does not exist; give the folder of the unpacked AFW archive.'
        )
    faces, without, broken = [], 0, []
    load = LoadGreyImage()
    entries = sorted(read_annotations(path), key=lambda entry: entry[:2])
    for image, number, landmarks in track(entries, 'AFW'):
        if np.isnan(landmarks).any():
            without += 1
            continue
        name = image
        if not os.path.isfile(os.path.join(options.root, name)):
            name = f'testimages/{image}'
        try:
            grey = load(dict(img_path=os.path.join(options.root, name)))['img']
            points = drop_mouth_centre(landmarks)
            size = grey.shape[::-1]
            box = box_from_eyes_and_mouth(points, size)
        except (ValueError, FileNotFoundError) as error:
            broken.append(f'{image}, face {number}: {error}')
            continue
        faces.append(Face(name, size, points, box, dict(face=number)))
    print(f'{without} faces do not have all six landmarks')
    for line in broken:
        print(f'left out, {line}')
    if not faces:
        raise ValueError(f'{path} has no usable face; unpack the archive again.')
    out = os.path.join(options.out, 'afw_test.json')
    name = 'AFW' if len(faces) == OFFICIAL else f'AFW, {len(faces)} of {OFFICIAL}'
    listed = len(faces) + len(broken)
    write_faces(out, faces, FIVE_NAMES, listed, name)
    print(f'{out}: {len(faces)} faces ({name})')


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
