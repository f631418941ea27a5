"""How a detector's boxes differ from the boxes of training faces.

    python -m rcn_mmpose.lab.calibration.detector_boxes ANNOTATIONS IMAGES --faces 300

takes every n-th face of a COCO annotation file whose boxes are those that a
model was trained on, looks for it with OpenCV's cascade, and prints medians
of scale and shift for :func:`rcn_mmpose.geometry.boxes.box_from_detection`, and how
many faces were missed. Only training faces may be used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ...detect.haar import HaarDetector
from ...geometry.overlap import overlap
from ...image.reading import read_image

# A box that shares less of the union with the true one is another thing.
LEAST_OVERLAP = 0.25


class Calibration(NamedTuple):
    """What came out.

    Attributes:
        faces: That were looked for.
        missed: Of them, those without a box.
        others: Boxes that belong to none of them; the set may not name all
            faces of its images.
        scale: Median of the true side by the detector's.
        shift: Median of how much lower the true centre lies, by the
            detector's side.
        sideways: The same to the right.
        spread: 10th and 90th percentile of the scale, and of the shift.
    """

    faces: int
    missed: int
    others: int
    scale: float
    shift: float
    sideways: float
    spread: tuple[tuple[float, float], tuple[float, float]]


def calibrate(
    detector: Callable[[np.ndarray], np.ndarray],
    images: Sequence[str],
    boxes: np.ndarray,
    turn: float = 0.0,
) -> Calibration:
    """Compare a detector's boxes with true ones.

    Args:
        detector (Callable): From an image to boxes (N, 4).
        images (Sequence[str]): Their paths, one a face.
        boxes (np.ndarray): The true boxes (x1, y1, x2, y2), (N, 4).
        turn (float): Degrees by which to turn each image about the middle
            of the true box, to see what the detector can stand. Defaults to
            0.

    Returns:
        Calibration: Medians over the faces found.

    Raises:
        ValueError: If no face was found.
    """
    pairs, others = [], 0
    for path, box in zip(images, boxes, strict=True):
        image = read_image(path)
        if turn:
            middle = ((box[:2] + box[2:]) / 2).tolist()
            image = cv2.warpAffine(
                image,
                cv2.getRotationMatrix2D(middle, turn, 1),
                image.shape[1::-1],
                borderMode=cv2.BORDER_REPLICATE,
            )
        found = detector(image)
        shares = overlap(box, found)
        others += len(found)
        if len(found) and shares.max() >= LEAST_OVERLAP:
            pairs.append((box, found[shares.argmax()]))
            others -= 1
    if not pairs:
        raise ValueError(f'none of {len(boxes)} faces was found.')
    true, found = (np.array(side) for side in zip(*pairs, strict=True))
    side = (found[:, 2:] - found[:, :2]).max(-1)
    scale = (true[:, 2:] - true[:, :2]).max(-1) / side
    moved = (true[:, :2] + true[:, 2:] - found[:, :2] - found[:, 2:]) / 2
    moved /= side[:, None]
    return Calibration(
        len(boxes),
        len(boxes) - len(pairs),
        others,
        float(np.median(scale)),
        float(np.median(moved[:, 1])),
        float(np.median(moved[:, 0])),
        tuple(
            tuple(np.percentile(values, (10, 90)).tolist())
            for values in (scale, moved[:, 1])
        ),
    )


def main(args: Sequence[str] | None = None) -> None:
    """Print a calibration."""
    parser = argparse.ArgumentParser(
        prog='python -m rcn_mmpose.lab.calibration.detector_boxes',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('annotations', help='COCO json of training faces')
    parser.add_argument('images', help='the folder of its images')
    parser.add_argument('--faces', type=int, default=300, help='how many')
    parser.add_argument(
        '--boxes', default='cascade', help='those of HaarDetector to compare'
    )
    parser.add_argument(
        '--turn', type=float, default=0, help='of the images, in degrees'
    )
    options = parser.parse_args(args)
    with open(options.annotations, encoding='utf-8') as file:
        content = json.load(file)
    names = {image['id']: image['file_name'] for image in content['images']}
    faces = content['annotations']
    chosen = faces[:: max(1, len(faces) // options.faces)][: options.faces]
    corners = np.array([face['bbox'] for face in chosen], float)
    corners[:, 2:] += corners[:, :2]
    found = calibrate(
        HaarDetector(options.boxes),
        [os.path.join(options.images, names[face['image_id']]) for face in chosen],
        corners,
        options.turn,
    )
    print(f'{found.faces} faces, {found.missed} missed, {found.others} other boxes')
    for name, middle, spread in (
        ('scale', found.scale, found.spread[0]),
        ('shift', found.shift, found.spread[1]),
    ):
        print(f'{name} {middle:.3f} (8 of 10: {spread[0]:.3f} to {spread[1]:.3f})')
    print(f'sideways {found.sideways:.3f}')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
