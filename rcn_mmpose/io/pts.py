"""Read ``.pts`` files of keypoints (300W's format)."""

from __future__ import annotations

import os
import unicodedata

import numpy as np

from .folders import IMAGE_ENDINGS
from .text_files import open_text

# With several images of one name, these come first.
ENDINGS = (*dict.fromkeys(('.jpg', '.png', '.jpeg', '.bmp', *IMAGE_ENDINGS)),)


def find_image(path: str) -> str:
    """Return the image beside a ``.pts`` file; .jpg comes before .png and others.

    The ending may be in upper or lower case. A letter such as é may be one or two
    characters (Unicode's composed and decomposed forms), as a disk writes it.

    Raises:
        ValueError: If there is no such image.
    """
    stem = os.path.splitext(path)[0]
    for ending in ENDINGS:
        for spelt in (ending, ending.upper()):
            if os.path.isfile(stem + spelt):
                return stem + spelt
    folder, name = os.path.split(stem)
    found: dict[str, str] = {}
    for entry in os.listdir(folder or os.curdir):
        other, ending = os.path.splitext(entry)
        if _composed(other) == _composed(name):
            found.setdefault(ending.lower(), os.path.join(folder, entry))
    image = next((found[ending] for ending in ENDINGS if ending in found), None)
    if image is None:
        raise ValueError(
            f'{stem}.jpg or .png does not exist, nor another image of this name'
        )
    return image


def _composed(text: str) -> str:
    """Return a text in Unicode's composed form."""
    return unicodedata.normalize('NFC', text)


def read_pts(path: str) -> np.ndarray:
    """Read the keypoints of one face.

    The official format is ``version: 1``, ``n_points: K`` and K lines ``x y``
    in braces; bare lines ``x y`` are accepted too. A comma or a semicolon may
    separate x and y, and numbers may have a decimal comma. Coordinates are
    1-based in the file and 0-based in the result.

    Args:
        path (str): The file.

    Returns:
        np.ndarray: Positions (x, y) in pixels, float64 of shape (K, 2).

    Raises:
        ValueError: If the file is cut short or a line is not a point.
    """
    with open_text(path, 'replace') as file:
        lines = [line.strip() for line in file.read().splitlines()]
    expected = None
    points = []
    opened = closed = False
    for number, line in enumerate(lines, 1):
        if not line or line.lower().startswith('version'):
            continue
        if line.lower().startswith('n_points'):
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
                x, y = _numbers(line)
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


def _numbers(line: str) -> tuple[float, float]:
    """Parse a line ``x y``.

    Raises:
        ValueError: If the line is not two numbers.
    """
    parts = line.replace(';', ' ').split()
    if len(parts) == 1:  # 1.5,2.5
        parts = line.split(',')
    x, y = (float(part.rstrip(',').replace(',', '.')) for part in parts)
    return x, y
