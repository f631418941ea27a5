"""A tiny dataset in the layout of MTFL, with drawn faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

# Left and right eye, nose tip, mouth corners, in eye distances.
SHAPE = np.array([(-0.5, -0.4), (0.5, -0.4), (0, 0), (-0.35, 0.5), (0.35, 0.5)])


def draw_face(
    rng: np.random.Generator, side: int = 120
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a face on noise, unevenly lit.

    Returns:
        The image, uint8 BGR (side, side, 3), and the keypoints (5, 2).
    """
    unit = side * rng.uniform(0.22, 0.28)
    centre = side / 2 + rng.uniform(-0.05, 0.05, 2) * side
    points = SHAPE * unit + centre + rng.uniform(-1, 1, (5, 2))
    img = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
    skin = tuple(int(v) for v in rng.integers(140, 220, 3))
    at = [tuple(int(round(v)) for v in p) for p in points]
    middle = tuple(int(v) for v in centre)
    cv2.ellipse(img, middle, (int(unit), int(1.3 * unit)), 0, 0, 360, skin, -1)
    for eye in at[:2]:
        cv2.circle(img, eye, max(2, int(unit / 8)), (20, 20, 20), -1)
    cv2.circle(img, at[2], max(1, int(unit / 10)), (90, 90, 120), -1)
    cv2.line(img, at[3], at[4], (40, 40, 120), max(2, int(unit / 10)))
    # Large soft patches of light, so that no two faces are near-duplicates.
    patches = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    light = cv2.resize(patches, (side, side), interpolation=cv2.INTER_CUBIC)
    img = cv2.addWeighted(img, 0.6, light, 0.4, 0)
    return cv2.GaussianBlur(img, (3, 3), 0), points


def make_mtfl(root: Path, train: int = 16, test: int = 4, seed: int = 0) -> Path:
    """Write training.txt, testing.txt and their images.

    The files have the peculiarities of the official files: backslashes, leading
    spaces, CRLF, a blank last line, an image with one channel, no order. The
    first two training images are the same photograph.
    """
    rng = np.random.default_rng(seed)
    for name, count in (('lfw_5590', train), ('AFLW', test)):
        (root / name).mkdir(parents=True, exist_ok=True)
        faces = [draw_face(rng) for _ in range(count)]
        if name == 'lfw_5590':
            faces[1] = faces[0]
        lines = []
        for i, (img, points) in enumerate(faces):
            if i == 2:
                img = cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)
            cv2.imwrite(str(root / name / f'face_{i:03d}.png'), img)
            separator = '\\' if name == 'lfw_5590' else '/'
            numbers = ' '.join(f'{v:.6f}' for v in points.T.ravel())
            lines.append(f' {name}{separator}face_{i:03d}.png {numbers} 1 2 2 3\r\n')
        if name == 'lfw_5590':
            path = root / 'training.txt'
            lines = lines[::-1] + ['\r\n']
        else:
            path = root / 'testing.txt'
        path.write_bytes(''.join(lines).encode())
    return root
