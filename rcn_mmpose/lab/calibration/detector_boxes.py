"""Compare the boxes of a face detector with the boxes of training faces.

    python -m rcn_mmpose.lab.calibration.detector_boxes ANNOTATIONS IMAGES --faces 300

takes every n-th face of a COCO annotation file whose boxes were used for training,
detects the face with the cascade of OpenCV, and prints the median scale and shift
for :func:`rcn_mmpose.geometry.boxes.box_from_detection`, and the number of missed
faces. Use training faces only.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ...detect.haar import HaarDetector
from ...environment.script import run_script
from ...geometry.boxes import overlap
from ...image.reading import read_image

# A box with a smaller intersection over union is not the face.
LEAST_OVERLAP = 0.25


class BoxComparison(NamedTuple):
    """Difference between the boxes of a detector and true boxes.

    Attributes:
        faces: Number of true faces.
        missed: Number of faces without a detected box.
        others: Number of boxes without a true face. The dataset may not label
            all faces of its images.
        scale: Median of the true side, divided by the detected side.
        shift: Median distance from the detected centre down to the true centre,
            divided by the detected side.
        sideways: As ``shift``, but to the right.
        spread: 10th and 90th percentile of the scale, and of the shift.
    """

    faces: int
    missed: int
    others: int
    scale: float
    shift: float
    sideways: float
    spread: tuple[tuple[float, float], tuple[float, float]]


def compare_boxes(
    detector: Callable[[np.ndarray], np.ndarray],
    images: Sequence[str],
    boxes: np.ndarray,
    turn: float = 0.0,
) -> BoxComparison:
    """Compare the boxes of a detector with true boxes.

    Args:
        detector (Callable): Takes an image, returns boxes (N, 4).
        images (Sequence[str]): Paths of the images, one per face.
        boxes (np.ndarray): The true boxes (x1, y1, x2, y2), (N, 4).
        turn (float): Degrees to rotate each image about the centre of the true
            box, to test how much rotation the detector tolerates. Defaults to
            0.

    Returns:
        BoxComparison: Medians over the detected faces.

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
        raise ValueError(f'the detector found no face of {len(boxes)}.')
    true, found = (np.array(side) for side in zip(*pairs, strict=True))
    side = (found[:, 2:] - found[:, :2]).max(-1)
    scale = (true[:, 2:] - true[:, :2]).max(-1) / side
    moved = (true[:, :2] + true[:, 2:] - found[:, :2] - found[:, 2:]) / 2
    moved /= side[:, None]
    low_high = [
        (float(low), float(high))
        for low, high in (np.percentile(x, (10, 90)) for x in (scale, moved[:, 1]))
    ]
    return BoxComparison(
        len(boxes),
        len(boxes) - len(pairs),
        others,
        float(np.median(scale)),
        float(np.median(moved[:, 1])),
        float(np.median(moved[:, 0])),
        (low_high[0], low_high[1]),
    )


def main(args: Sequence[str] | None = None) -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(
        prog='python -m rcn_mmpose.lab.calibration.detector_boxes',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('annotations', help='COCO json of training faces')
    parser.add_argument('images', help='folder of the images')
    parser.add_argument('--faces', type=int, default=300, help='number of faces')
    parser.add_argument(
        '--boxes', default='cascade', help='boxes of HaarDetector to compare'
    )
    parser.add_argument(
        '--turn', type=float, default=0, help='rotate the images, degrees'
    )
    options = parser.parse_args(args)
    with open(options.annotations, encoding='utf-8') as file:
        content = json.load(file)
    names = {image['id']: image['file_name'] for image in content['images']}
    faces = content['annotations']
    chosen = faces[:: max(1, len(faces) // options.faces)][: options.faces]
    corners = np.array([face['bbox'] for face in chosen], float)
    corners[:, 2:] += corners[:, :2]
    found = compare_boxes(
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
    run_script(main)
