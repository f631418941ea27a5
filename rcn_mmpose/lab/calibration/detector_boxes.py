"""Compare the boxes of a face detector with the boxes of training faces.

    python -m rcn_mmpose.lab.calibration.detector_boxes ANNOTATIONS IMAGES --faces 300

takes every n-th face of a COCO annotation file whose boxes were used for training,
detects the face with the cascade of OpenCV, and prints the median scale and shift
for :func:`rcn_mmpose.geometry.boxes.box_from_detection`, and the number of missed
faces. Use training faces only. ``--save FILE`` also writes the medians into the
annotation file, a checkpoint (.pth) or an exported model (.onnx), see
:mod:`rcn_mmpose.geometry.training_boxes`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from ...detect.detections import as_detections
from ...detect.haar import HaarDetector
from ...detect.yunet import YuNetDetector
from ...environment.script import run_script
from ...geometry.boxes import box_from_extent, overlap
from ...image.reading import read_image
from ...io.coco import image_names, is_usable
from ...io.text_files import open_text
from .save_training_boxes import save_training_boxes

# A box with a smaller intersection over union is not the face, unless most of the
# true box lies inside: keypoints may cover a part of the face only.
LEAST_OVERLAP = 0.25
LEAST_INSIDE = 0.6
FACES = 200  # that are measured for a model


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
    detector: Callable[[np.ndarray], Any],
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
        found = as_detections(detector(image)).boxes
        shares = overlap(box, found)
        others += len(found)
        fits = (shares >= LEAST_OVERLAP) | (_inside(box, found) >= LEAST_INSIDE)
        if fits.any():
            pairs.append((box, found[np.where(fits, shares, -1).argmax()]))
            others -= 1
    if not pairs:
        raise ValueError(f'the detector found no face of {len(boxes)}.')
    true, found = (np.array(side) for side in zip(*pairs, strict=True))
    scale, moved = _relation(true, found)
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


def _inside(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of a box (4,) that lies inside each of others, (N,)."""
    share = overlap(box, others)
    area = (box[2:] - box[:2]).prod()
    areas = (others[:, 2:] - others[:, :2]).prod(-1)
    return share / (1 + share) * (area + areas) / area


def _relation(true: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scale (N,), and shift to the right and down (N, 2), of true boxes."""
    side = (found[:, 2:] - found[:, :2]).max(-1)
    scale = (true[:, 2:] - true[:, :2]).max(-1) / side
    moved = (true[:, :2] + true[:, 2:] - found[:, :2] - found[:, 2:]) / 2
    return scale, moved / side[:, None]


def keypoint_boxes(keypoints: np.ndarray, boxes: np.ndarray) -> dict[str, float]:
    """Measure how training boxes follow from keypoints.

    Args:
        keypoints (np.ndarray): Positions (x, y) in pixels, (N, K, 2).
        boxes (np.ndarray): Training boxes (x1, y1, x2, y2), (N, 4).

    Returns:
        dict[str, float]: Medians of ``scale``, ``shift`` and ``sideways`` for the
        tight box of the keypoints.

    Raises:
        ValueError: If the keypoints of a face span no box.
    """
    tight = np.array([box_from_extent(points, 1.0) for points in keypoints])
    scale, moved = _relation(np.asarray(boxes, float), tight)
    return _rounded(np.median(scale), np.median(moved[:, 1]), np.median(moved[:, 0]))


def measure_training_boxes(
    content: dict, folder: str, faces: int = FACES
) -> tuple[dict[str, dict], str]:
    """Measure the training boxes of a dataset.

    Args:
        content (dict): A COCO json, whose boxes are those of the training.
        folder (str): Folder of the images.
        faces (int): Largest number of faces that are searched. Defaults to 200.

    Returns:
        tuple: The training boxes, see :mod:`rcn_mmpose.geometry.training_boxes`,
        without ``haar`` if the detector found no face; and a line that says what
        was found.
    """
    usable = [face for face in content['annotations'] if is_usable(face)]
    corners = _corners(usable)
    measured: dict[str, dict] = {}
    flat = [np.reshape(face['keypoints'], (-1, 3)) for face in usable]
    whole = [i for i, x in enumerate(flat) if len(x) > 1 and (x[:, 2] > 0).all()]
    try:
        if whole:
            points = np.array([flat[i][:, :2] for i in whole])
            measured['keypoints'] = keypoint_boxes(points, corners[whole])
    except ValueError:  # the keypoints of a face coincide
        pass
    names = image_names(content)
    chosen = range(0, len(usable), max(1, len(usable) // faces))[:faces]
    paths = [os.path.join(folder, names[usable[i]['image_id']]) for i in chosen]
    try:
        found = compare_boxes(
            HaarDetector('cascade'),
            paths,
            corners[list(chosen)],
        )
    except (ValueError, ImportError, OSError) as error:
        return measured, f'boxes of the detector: not measured ({error})'
    measured['haar'] = _rounded(found.scale, found.shift, found.sideways)
    try:
        other = compare_boxes(YuNetDetector('yunet'), paths, corners[list(chosen)])
        measured['yunet'] = _rounded(other.scale, other.shift, other.sideways)
    except (ValueError, ImportError, OSError):  # the cascade's boxes suffice
        pass
    return measured, (
        f'boxes of the detector: scale {found.scale:.3f}, shift {found.shift:.3f} '
        f'({found.faces} faces, {found.missed} missed)'
    )


def _rounded(scale: float, shift: float, sideways: float) -> dict[str, float]:
    """Return the options of a training box."""
    values = dict(scale=scale, shift=shift, sideways=sideways)
    return {name: round(float(value), 4) for name, value in values.items()}


def _corners(faces: Sequence[dict]) -> np.ndarray:
    """Return the boxes (x1, y1, x2, y2) of annotations, (N, 4)."""
    corners = np.array([face['bbox'] for face in faces], float).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    return corners


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
        '--detector', choices=('haar', 'yunet'), default='haar', help='detector'
    )
    parser.add_argument(
        '--boxes', help='corrected boxes to compare (default: uncorrected boxes)'
    )
    parser.add_argument(
        '--turn', type=float, default=0, help='rotate the images, degrees'
    )
    parser.add_argument(
        '--save',
        nargs='+',
        default=[],
        metavar='FILE',
        help='annotation files (.json), checkpoints (.pth) and exported models\n'
        '(.onnx) that receive the medians',
    )
    options = parser.parse_args(args)
    with open_text(options.annotations) as file:
        content = json.load(file)
    if options.save:
        boxes, said = measure_training_boxes(content, options.images, options.faces)
        print(said)
        if 'haar' not in boxes:
            raise ValueError('nothing was measured, so nothing was saved.')
        for path in options.save:
            save_training_boxes(path, boxes)
            print(path)
        return
    names = {image['id']: image['file_name'] for image in content['images']}
    faces = content['annotations']
    chosen = faces[:: max(1, len(faces) // options.faces)][: options.faces]
    found = compare_boxes(
        YuNetDetector(options.boxes or 'yunet')
        if options.detector == 'yunet'
        else HaarDetector(options.boxes or 'cascade'),
        [os.path.join(options.images, names[face['image_id']]) for face in chosen],
        _corners(chosen),
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
