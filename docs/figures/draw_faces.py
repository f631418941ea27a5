"""Draw the first picture of README.md: rendered faces with predicted keypoints.

    python docs/figures/draw_faces.py docs/figures/faces.jpg

Each face is rendered by ``rcn_mmpose.synthetic`` and predicted by the shipped
model rcn-68. Its box comes from OpenCV's cascade. The model was trained on
photographs and has not seen a rendered face.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from rcn_mmpose import load_model
from rcn_mmpose.image.drawing import draw_keypoints
from rcn_mmpose.synthetic import render_face

SEEDS = (62, 43, 49, 35, 58)
SIDE = 360  # of one face in the picture, in pixels


def draw_face(model: object, seed: int) -> np.ndarray:
    """Render, predict and draw one face.

    Args:
        model (object): A predictor with a detector.
        seed (int): Seed of the face.

    Returns:
        np.ndarray: uint8, (SIDE, SIDE, 3), BGR.
    """
    image = render_face(seed, size=480).image
    result = model(image)
    if len(result) != 1:
        raise SystemExit(f'seed {seed}: {len(result)} faces found; choose another.')
    x1, y1, x2, y2 = result.boxes[0]
    side = 1.4 * max(x2 - x1, y2 - y1)
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    scale = SIDE / side
    to_tile = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
    tile = cv2.warpAffine(
        image,
        to_tile,
        (SIDE, SIDE),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )
    return draw_keypoints(
        tile,
        (result.keypoints - (left, top)) * scale,
        result.confidence,
        (result.boxes - (left, top) * 2) * scale,
        result.covariance * scale**2,
    )


def main() -> None:
    """Draw all faces side by side and write the picture."""
    parser = argparse.ArgumentParser(description='Draw the picture of README.md.')
    parser.add_argument('out', help='image to write')
    parser.add_argument('--seeds', nargs='+', type=int, default=SEEDS)
    args = parser.parse_args()
    model = load_model('rcn-68', detector='haar')
    picture = np.hstack([draw_face(model, seed) for seed in args.seeds])
    cv2.imwrite(args.out, picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == '__main__':
    main()
