r"""Label faces by a model, to train a smaller model on more images.

    python -m rcn_mmpose.lab.distillation.pseudo_labels rcn-68 \
        data/annotations/mtfl_train.json mtfl \
        --add data/annotations/300w_train.json 300w --root data \
        --out data/annotations/mtfl_300w_pseudo_68.json

The model predicts each face of the first file in two passes. The face is then
cropped in several frames around these keypoints, shifted, scaled, rotated and
mirrored, and the label is the mean of all predictions. Faces of low confidence are
left out. The faces of ``--add`` keep their own labels. Names of images are relative
to ``--root``.
"""

from __future__ import annotations

import argparse
import os.path as osp
from collections.abc import Iterator, Sequence

import numpy as np
from mmengine.utils import track_iter_progress

from ...environment.script import run_script
from ...geometry.keypoints import RELATIONS_68
from ...geometry.training_boxes import training_box_of_keypoints
from ...image.crop import Squares, crop_square
from ...image.reading import read_image
from ...inference import load_model
from ...inference.predictor import Predictor
from ...io.annotations import TrueFace, read_annotations
from ...io.coco import Face, write_faces

# Shift (x, y) and scale in sides of the square, rotation in degrees, mirrored.
VIEWS = (
    (0.0, 0.0, 1.0, 0.0, False),
    (0.0, 0.0, 1.0, 0.0, True),
    (0.03, -0.03, 1.04, 6.0, False),
    (-0.03, 0.03, 0.97, -6.0, True),
    (-0.02, -0.02, 0.96, -3.0, False),
    (0.02, 0.02, 1.06, 3.0, True),
)


# 300W's labels lie to the right by this part of the square, also in mirrored
# training faces: configs/shipped/rcn_68.py.
BIAS = 0.0039


def mirror(keypoints: np.ndarray, width: int, order: np.ndarray) -> np.ndarray:
    """Mirror keypoints of crops, swap left and right, and keep the labels' bias.

    Args:
        keypoints (np.ndarray): (x, y) in pixels of crops, (N, K, 2).
        width (int): Width of the crops.
        order (np.ndarray): For each keypoint the index of its counterpart.
    """
    mirrored = keypoints[:, order].copy()
    mirrored[..., 0] = width - 1 - mirrored[..., 0] + 2 * BIAS * width
    return mirrored


def mean_of_views(
    model: Predictor, image: np.ndarray, keypoints: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Predict faces in all views and return the means.

    Args:
        model (Predictor): A model with a second pass.
        image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
        keypoints (np.ndarray): First keypoints (N, K, 2) in pixels.
        order (np.ndarray): See :func:`mirror`.

    Returns:
        tuple: Keypoints (N, K, 2) in pixels and confidence (N, K), both float64.

    Raises:
        ValueError: If keypoints span no square, or a square lies outside the image.
    """
    assert model.second_pass is not None
    size = model.info.input_size
    level = model.second_pass.squares(keypoints)
    if not (level.side > 0).all():
        raise ValueError('the keypoints of a face span no square.')
    points, sure = [], []
    for x, y, scale, angle, mirrored in VIEWS:
        squares = Squares(
            level.centre + np.array([x, y]) * level.side[:, None],
            level.side * scale,
            level.rotation + angle,
        )
        crops = np.stack(
            [
                crop_square(image, c, s, size, float(r))
                for c, s, r in zip(
                    squares.centre, squares.side, squares.rotation, strict=True
                )
            ]
        )
        if mirrored:
            crops = np.ascontiguousarray(crops[:, :, ::-1])
        found, confidence, spread = model.predict_crops(crops)
        if mirrored:
            found, confidence = mirror(found, size[0], order), confidence[:, order]
        points.append(squares.to_image((found, confidence, spread), size[0])[0])
        sure.append(confidence)
    return np.mean(points, 0), np.mean(sure, 0)


def label(
    model: Predictor,
    faces: Sequence[TrueFace],
    folder: str,
    prefix: str,
    order: np.ndarray,
    least: float,
) -> Iterator[Face]:
    """Yield the labelled faces whose confidence is high enough.

    Args:
        model (Predictor): A model with a second pass.
        faces (Sequence[TrueFace]): Faces with boxes.
        folder (str): Folder of the images.
        prefix (str): Put before the names of images.
        order (np.ndarray): See :func:`mirror`.
        least (float): Threshold of the mean confidence of a face.
    """
    rule = model.info.training_boxes['keypoints']
    for face in track_iter_progress(list(faces)):
        image = read_image(osp.join(folder, face.file))
        size = (image.shape[1], image.shape[0])
        first = model(image, [face.box])
        if not np.isfinite(first.keypoints).all():
            continue
        try:
            points, sure = mean_of_views(model, image, first.keypoints, order)
            box = training_box_of_keypoints(points[0], size, rule)
        except ValueError:  # no square, or outside the image
            continue
        if sure.mean() >= least:
            name = osp.join(prefix, face.file)
            yield Face(name, size, points[0], box, dict(confidence=float(sure.mean())))


def main(args: Sequence[str] | None = None) -> None:
    """Write the annotation file."""
    parser = argparse.ArgumentParser(
        prog='python -m rcn_mmpose.lab.distillation.pseudo_labels',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('model', help='model with 68 keypoints that labels')
    parser.add_argument('annotations', help='COCO json of faces with boxes')
    parser.add_argument('images', help='folder of their images, below --root')
    parser.add_argument(
        '--add',
        nargs=2,
        metavar=('JSON', 'FOLDER'),
        help='faces with 68 labels of their own, and their folder below --root',
    )
    parser.add_argument('--root', default='data', help='folder of all images')
    parser.add_argument('--least', type=float, default=0.5, help='least confidence')
    parser.add_argument('--precision', default='fp32', help='of the model')
    parser.add_argument('--out', required=True, help='annotation file to write')
    options = parser.parse_args(args)
    model = load_model(options.model, passes=2, precision=options.precision)
    pairs = RELATIONS_68['flip_pairs']
    order = np.arange(68)
    for a, b in pairs:
        order[[a, b]] = b, a
    truth = read_annotations(options.annotations)
    folder = osp.join(options.root, options.images)
    faces = list(
        label(model, truth.faces, folder, options.images, order, options.least)
    )
    print(f'\n{len(faces)} of {len(truth.faces)} faces are labelled by the model.')
    if options.add:
        path, prefix = options.add
        own = read_annotations(path)
        faces += [
            Face(osp.join(prefix, f.file), own.sizes[f.file], f.keypoints, f.box, {})
            for f in own.faces
        ]
    write_faces(
        options.out,
        faces,
        model.info.keypoints,
        description=f'{len(faces)} faces, pseudo-labels by {options.model}',
        relations=RELATIONS_68,
    )


if __name__ == '__main__':
    run_script(main)
