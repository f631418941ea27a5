"""Measure how well two scores tell faces from image parts without a face.

    python -m rcn_mmpose.lab.calibration.face_rejection data/annotations/mtfl_val.json \
        data/mtfl --model rcn-5

The first score is the detector's, YuNet's. The second is the mean confidence of the
keypoints, which ``--min-confidence`` compares. Positives are the annotated faces.
Negatives are squares of the same size beside each face, in the same image, that do
not touch an annotated face. A negative may hold a face that the dataset does not
label, so the true areas are larger. Use validation faces only.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...detect.yunet import YuNetDetector
from ...environment.script import run_script
from ...geometry.boxes import match_boxes, overlap
from ...image.reading import read_image
from ...inference.loading import load_model
from ...io.coco import image_names
from ...io.text_files import open_text
from .roc import area_under_roc

LEAST_SCORE = 0.02  # a detection below is none
LIMITS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)


def squares_without_a_face(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return squares inside an image that touch no face, one beside each face.

    Args:
        boxes (np.ndarray): All annotated faces, (x1, y1, x2, y2), (N, 4).
        width (int): Of the image.
        height (int): Of the image.

    Returns:
        np.ndarray: Boxes, (M, 4), M at most N.
    """
    found = []
    for box in boxes:
        side = float((box[2:] - box[:2]).max())
        for left, top in (
            (box[0] - side - 1, box[1]),
            (box[2] + 1, box[1]),
            (box[0], box[3] + 1),
            (box[0], box[1] - side - 1),
        ):
            square = np.array((left, top, left + side, top + side))
            inside = min(left, top) >= 0 and square[2] <= width and square[3] <= height
            if inside and not overlap(square, boxes).any():
                found.append(square)
                break
    return np.reshape(found, (-1, 4))


def main(args: Sequence[str] | None = None) -> None:
    """Print the areas under the curves, and a line for each threshold."""
    parser = argparse.ArgumentParser(
        prog='python -m rcn_mmpose.lab.calibration.face_rejection',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('annotations', help='COCO json of validation faces')
    parser.add_argument('images', help='folder of the images')
    parser.add_argument('--model', default='rcn-5', help='default: rcn-5')
    parser.add_argument('--faces', type=int, default=1000, help='default: 1000')
    options = parser.parse_args(args)
    with open_text(options.annotations) as file:
        content = json.load(file)
    by_image = defaultdict(list)
    for face in content['annotations']:
        x, y, width, height = face['bbox']
        by_image[face['image_id']].append((x, y, x + width, y + height))
    names = image_names(content)
    chosen = list(by_image)[:: max(1, len(by_image) // options.faces)]
    model = load_model(options.model)
    detector = YuNetDetector.for_model(model, score=LEAST_SCORE)
    scores: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in chosen[: options.faces]:
        image = read_image(os.path.join(options.images, names[number]))
        boxes = np.array(by_image[number], float)
        parts = squares_without_a_face(boxes, image.shape[1], image.shape[0])
        found = detector(image)
        for kind, places in ((True, boxes), (False, parts)):
            if not len(places):
                continue
            sure = model(image, places).confidence.mean(1)
            matches = match_boxes(places, found.boxes, 0.3)
            for match, mean in zip(matches, sure.tolist(), strict=True):
                score = 0.0 if match is None else float(found.scores[match])
                scores[kind].append((score, mean))
    values = np.array(scores[True] + scores[False])
    positive = np.arange(len(values))[:, None] < len(scores[True])
    print(f'{len(scores[True])} faces, {len(scores[False])} parts without a label')
    for column, name in enumerate(('score of YuNet', 'mean confidence')):
        area = area_under_roc(values[:, column : column + 1], positive)
        print(f'{name}: area {area.area:.4f} ({area.low:.4f} to {area.high:.4f})')
        for limit in LIMITS:
            above = values[:, column] >= limit
            kept, false = above[positive[:, 0]].mean(), above[~positive[:, 0]].mean()
            print(f'  {limit}: faces kept {kept:.2%}, parts kept {false:.2%}')


if __name__ == '__main__':
    run_script(main)
