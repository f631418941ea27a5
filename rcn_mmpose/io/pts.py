"""Read ``.pts`` files of keypoints (300W's format)."""

from __future__ import annotations

import os

import numpy as np


def find_image(path: str) -> str:
    """Return the image beside a ``.pts`` file; .jpg has priority over .png.

    Raises:
        ValueError: If there is no such image.
    """
    stem = path[: -len('.pts')]
    for ending in ('.jpg', '.png', '.jpeg', '.bmp'):
        if os.path.isfile(stem + ending):
            return stem + ending
    raise ValueError(f'{stem}.jpg or .png does not exist')


def read_pts(path: str) -> np.ndarray:
    """Read the keypoints of one face.

    The official format is ``version: 1``, ``n_points: K`` and K lines ``x y``
    in braces; bare lines ``x y`` are accepted too. Coordinates are 1-based in
    the file and 0-based in the result.

    Args:
        path (str): The file.

    Returns:
        np.ndarray: Positions (x, y) in pixels, float64 of shape (K, 2).

    Raises:
        ValueError: If the file is cut short or a line is not a point.
    """
    with open(path, encoding='utf-8', errors='replace') as file:
        lines = [line.strip() for line in file]
    expected = None
    points = []
    opened = closed = False
    for number, line in enumerate(lines, 1):
        if not line or line.startswith('version'):
            continue
        if line.startswith('n_points'):
            text = line.partition(':')[2].strip()
            # isdecimal, as isdigit accepts superscripts; no face has a million
            # points.
            if not text.isdecimal() or len(text) > 6:
                raise ValueError(
                    f'{path}, line {number}: {line!r} gives no number of points.'
                )
            expected = int(text)
        elif line == '{':
            opened = True
        elif line == '}':
            closed = True
        else:
            try:
                x, y = map(float, line.split())
            except ValueError:
                raise ValueError(
                    f'{path}, line {number}: {line!r} is not "x y".'
                ) from None
            points.append((x - 1, y - 1))
    if opened != closed or expected not in (None, len(points)):
        raise ValueError(
            f'{path}: {len(points)} of {expected or "unknown"} points'
            f'{"" if opened == closed else ", and no closing brace"}; the '
            'file is cut short. Unpack it again.'
        )
    result = np.array(points, dtype=np.float64).reshape(-1, 2)
    if not len(result) or not np.isfinite(result).all():
        raise ValueError(f'{path} holds no points, or some are not finite.')
    return result
