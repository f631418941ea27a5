"""Convert AFW's official folder to COCO json, 5 keypoints.

    python tools/dataset_converters/afw2coco.py data/afw

reads anno.mat (MATLAB 7.3) and the images beside it, or in testimages/
below it, and writes data/annotations/afw_test.json: the faces with all six
landmarks, 377 in the official release, without the middle of the mouth. A
face that cannot be used is named and counted.
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
from rcn_mmpose.io.atomic import BROKEN
from rcn_mmpose.io.coco import Face, write_faces

OFFICIAL = 377
# Far more images, faces and letters than there are; a header may claim any.
MOST = 10_000


def read_annotations(path: str) -> Iterator[tuple[str, int, np.ndarray]]:
    """Read all faces of ``anno.mat``.

    ``anno`` is a cell array with a row an image: name, boxes, poses, points;
    the last three are cells of one entry a face. MATLAB stores it transposed.

    Args:
        path (str): The file.

    Yields:
        tuple: Image, number of the face in it (from 1), landmarks (6, 2)
        counted from 0, NaN where one is not annotated.

    Raises:
        ValueError: If the file is no such file.
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
                    if faces > MOST:  # cells may hold one another
                        raise ValueError(f'more than {MOST} faces')
                    yield image, number, landmarks - 1
    except (*BROKEN, OSError, RuntimeError) as error:
        raise ValueError(
            f'{path} is not the whole anno.mat of AFW ({error}); unpack the '
            'archive again.'
        ) from error


def _array(file: h5py.File, key: str | h5py.Reference) -> np.ndarray:
    """Read an array whose claimed size is bearable.

    Raises:
        ValueError: If it is too large, or not in this file.
    """
    found = file[key]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f'{found.name} is no array')
    layout = found.id.get_create_plist()
    chunk = math.prod(found.chunks or (1,))
    if max(found.size or 0, chunk) > MOST or found.dtype.itemsize > 16:
        raise ValueError(f'{found.name} claims {found.shape} {found.dtype}')
    if found.file != file or layout.get_external_count() or found.is_virtual:
        raise ValueError(f'{found.name} lies in another file')
    return found[()]


def drop_mouth_centre(landmarks: np.ndarray) -> np.ndarray:
    """Turn AFW's six landmarks into MTFL's five.

    The first three are the eyes and the nose tip; of the three of the mouth
    the middle one lies nearest to the other two.

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
    print(f'{without} faces have no six landmarks')
    for line in broken:
        print(f'left out, {line}')
    if not faces:
        raise ValueError(f'{path} leaves no face to use.')
    out = os.path.join(options.out, 'afw_test.json')
    name = 'AFW' if len(faces) == OFFICIAL else f'AFW, {len(faces)} of {OFFICIAL}'
    listed = len(faces) + len(broken)
    write_faces(out, faces, FIVE_NAMES, listed, name)
    print(f'{out}: {len(faces)} faces ({name})')


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
