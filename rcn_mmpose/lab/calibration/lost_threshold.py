"""Measure the threshold of the confidence below which a tracked face is lost.

    python -m rcn_mmpose.lab.calibration.lost_threshold rcn-5 \
        data/annotations/mtfl_val.json data/mtfl --faces 300

Right crops are the boxes of validation faces, moved and turned a little as those of a
tracker. Wrong crops lie beside a face, or turn it by 90 degrees or more. The
threshold refuses 95 % of the wrong crops. With ``--save MODEL.onnx`` the model
carries it as ``lost`` in its description.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...image.crop import crop_square
from ...image.reading import read_image
from ...inference import Predictor
from ...inference.loading import description_of, read_description
from ...io.annotations import read_annotations
from ...io.atomic import write_whole

ROLLS = (90.0, 135.0, 180.0, 225.0, 270.0)
QUANTILES = (0.0, 0.01, 0.05, 0.5, 0.95, 0.99, 1.0)


class Confidences(NamedTuple):
    """Mean confidences of right and wrong crops, sorted."""

    right: np.ndarray
    wrong: np.ndarray

    def threshold(self) -> float:
        """Return the threshold that refuses 95 % of wrong crops, rounded."""
        return round(20 * float(np.quantile(self.wrong, 0.95))) / 20


def measure_confidences(
    model: Predictor, annotations: str, images: str, faces: int, seed: int = 0
) -> Confidences:
    """Measure the confidences of right and wrong crops.

    Args:
        model (Predictor): The model.
        annotations (str): COCO file of validation faces.
        images (str): Folder of the images.
        faces (int): Number of faces.
        seed (int): Seed of the crops.
    """
    rng = np.random.default_rng(seed)
    known = read_annotations(annotations).faces
    known = known[:: max(len(known) // faces, 1)][:faces]
    crops: list[list[np.ndarray]] = [[], []]
    for face in known:
        image = read_image(f'{images}/{face.file}')
        centre, side = (face.box[:2] + face.box[2:]) / 2, np.ptp(face.box[[0, 2]])
        near = centre + rng.uniform(-0.04, 0.04, 2) * side
        places = [(0, near, side * rng.uniform(0.95, 1.05), rng.uniform(-5, 5))]
        places += [(1, near, side, float(rng.choice(ROLLS)))]
        angle = rng.uniform(0, 2 * np.pi)
        away = centre + 0.8 * side * np.array((np.cos(angle), np.sin(angle)))
        places += [(1, away, side, 0.0)]
        for kind, middle, width, roll in places:
            try:
                crop = crop_square(image, middle, width, model.info.input_size, roll)
            except ValueError:  # outside the image
                continue
            crops[kind].append(crop)
    right, wrong = (
        np.sort(model.predict_crops(np.stack(kind))[1].mean(1)) for kind in crops
    )
    return Confidences(right, wrong)


def save_threshold(path: str, lost: float) -> None:
    """Write the threshold into the description of an exported model, atomically.

    Raises:
        ValueError: If the file is not an exported model.
    """
    info = read_description(Path(path))  # checks both files
    file = description_of(Path(path))
    content = {**json.loads(file.read_text()), 'lost': replace(info, lost=lost).lost}
    text = json.dumps(content, indent=2, ensure_ascii=False) + '\n'
    write_whole(str(file), text.encode())


def main(arguments: list[str]) -> None:
    """Print the quantiles and the threshold."""
    from ...inference.loading import load_model

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('model', help='name or file of a model')
    parser.add_argument('annotations', help='COCO file of validation faces')
    parser.add_argument('images', help='folder of the images')
    parser.add_argument('--faces', type=int, default=300, help='(default: 300)')
    parser.add_argument(
        '--save', nargs='+', metavar='MODEL', help='exported models that carry it'
    )
    options = parser.parse_args(arguments)
    model = load_model(options.model)
    found = measure_confidences(
        model, options.annotations, options.images, options.faces
    )
    print('quantile      ' + ''.join(f'{q:8g}' for q in QUANTILES))
    for name, values in found._asdict().items():
        numbers = np.quantile(values, QUANTILES)
        print(f'{name:6}{len(values):6}  ' + ''.join(f'{v:8.3f}' for v in numbers))
    print(f'threshold {found.threshold():.2f}')
    for path in options.save or ():
        save_threshold(path, found.threshold())
        print(f'saved in {path}')


if __name__ == '__main__':
    main(sys.argv[1:])
