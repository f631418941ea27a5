"""Draw predicted keypoints, lines, boxes and confidence ellipses into an image.

The helpers for coordinates and dots also serve
:mod:`rcn_mmpose.image.contact_sheet`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..environment.missing import named_cure
from .colours import confidence_colors

with named_cure():
    import cv2

# One array for N faces, or N arrays.
OfFaces = np.ndarray | Sequence[np.ndarray]
BOX = (255, 255, 255)
FEW = 10  # keypoints of a face that get large dots and thin lines
TINY = 1.25  # radius of a dot, in pixels, below which it is a blended pixel
EDGE = (0, 0, 0)  # around light marks, so that they show in light images
RIM, RIMMED = 0.25, 2.5  # width of the rim in radii; least radius with a rim
# Radius in standard deviations of the ellipse that holds 90 % of a normal
# distribution in the plane: 1 - exp(-r^2 / 2) = 0.9.
NINETY = math.sqrt(-2 * math.log(0.1))
# OpenCV takes coordinates in 16ths of a pixel (its argument ``shift`` is 4), of
# less than 2^15 pixels.
SHIFT = 4
PARTS, FARTHEST = 2**SHIFT, 32000
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_HEIGHT = 21  # of a capital letter at scale 1, in pixels


def draw_keypoints(
    image: np.ndarray,
    keypoints: OfFaces,
    confidence: OfFaces,
    boxes: OfFaces,
    covariance: OfFaces | None = None,
    *,
    lines: Sequence[tuple[int, int]] = (),
    radius: float | None = None,
    box: bool = True,
    numbers: Sequence[int] | None = None,
    legend: bool = False,
) -> np.ndarray:
    """Draw the keypoints of all faces of an image.

    Dots are coloured by confidence
    (:func:`~rcn_mmpose.image.colours.confidence_color`), and so are the lines,
    by the lower confidence of their ends. Boxes are white. The sizes of dots
    and lines follow the size of the box. Values that are not finite or far
    outside the image are not drawn.

    Args:
        image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
        keypoints (OfFaces): (x, y) in pixels, (N, K, 2).
        confidence (OfFaces): In [0, 1], (N, K).
        boxes (OfFaces): (x1, y1, x2, y2), (N, 4).
        covariance (OfFaces, optional): In squared pixels,
            (N, K, 2, 2). Draws for each keypoint the ellipse that holds 90 %
            of a normal distribution. Defaults to None.
        lines (Sequence[tuple[int, int]]): Pairs of keypoints (indices from 0)
            to join, such as
            :func:`~rcn_mmpose.geometry.keypoints.known_lines` returns for the
            names of the keypoints. Defaults to none.
        radius (float, optional): Radius of the dots in pixels, above 0.
            Defaults to a size that suits the face.
        box (bool): Whether to draw the boxes. Defaults to True.
        numbers (Sequence[int], optional): The number of each face, (N,), to
            write beside its box. Defaults to none.
        legend (bool): Whether to explain the colours of the confidence, in the
            corner of the image that hides the fewest keypoints. An image that
            is too small gets no legend. Defaults to False.

    Returns:
        np.ndarray: A copy, uint8 (H, W, 3) BGR.

    Raises:
        ValueError: If ``radius`` is not above 0.
    """
    if radius is not None and not 0 < radius < FARTHEST:
        raise ValueError(f'radius={radius!r}; give pixels above 0, such as 2.')
    drawn = colour_copy(image)
    for i, corners in enumerate(boxes):
        if not drawable(corners):
            continue
        side = float((corners[2:] - corners[:2]).max())
        thick = max(1, round(side / 200))
        if box:
            draw_box(drawn, corners, BOX, thick)
        spread = None if covariance is None else covariance[i]
        size = dot_radius(side, len(keypoints[i])) if radius is None else radius
        _draw_face(drawn, keypoints[i], confidence[i], spread, lines, size)
        if numbers is not None:
            height = max(9.0, min(side / 10, min(drawn.shape[:2]) / 25))
            x, y = corners[0], corners[1] - 0.4 * height
            if y < height:  # no room above the box
                y = corners[1] + 1.3 * height
            write(drawn, f'{numbers[i]}', (x + thick, y), height)
    if legend:
        _draw_legend(drawn, keypoints)
    return drawn


def dot_radius(side: float, count: int) -> float:
    """Return the radius of the dots that suits a face, in pixels.

    Args:
        side (float): Side of the box of the face in pixels.
        count (int): Number of keypoints of the face.
    """
    return max(0.8, side / (60 if count <= FEW else 110))


def _draw_face(
    image: np.ndarray,
    keypoints: np.ndarray,
    confidence: np.ndarray,
    covariance: np.ndarray | None,
    lines: Sequence[tuple[int, int]],
    radius: float,
) -> None:
    """Draw one face: lines, then ellipses, then dots."""
    width = radius / (4 if len(keypoints) <= FEW else 2)
    shown = [drawable(point) for point in keypoints]
    colors = confidence_colors(confidence)
    lines = [(a, b) for a, b in lines if shown[a] and shown[b]]
    if lines:
        _draw_lines(image, keypoints, confidence, colors, lines, width)
    thick = max(1, round(width))
    for k, point in enumerate(keypoints):
        if shown[k] and covariance is not None and drawable(covariance[k]):
            _ellipse(image, point, covariance[k], colors[k], thick)
    for k, point in enumerate(keypoints):
        if shown[k]:
            draw_dot(image, point, colors[k], radius)


def _draw_lines(
    image: np.ndarray,
    keypoints: np.ndarray,
    confidence: np.ndarray,
    colors: Sequence[Sequence[int]],
    lines: Sequence[tuple[int, int]],
    width: float,
) -> None:
    """Draw the lines of one face; a line thinner than a pixel is translucent."""
    joined = np.unique(lines)
    margin = width + 2
    low = np.floor(keypoints[joined].min(0) - margin).clip(0).astype(int)
    high = np.ceil(keypoints[joined].max(0) + margin).clip(0).astype(int)
    part = image[low[1] : high[1] + 1, low[0] : high[0] + 1]
    if not part.size:
        return
    layer = part.copy()
    thick = max(1, round(width))
    for a, b in lines:
        start, end = (sixteenths(keypoints[k] - low) for k in (a, b))
        color = colors[a if confidence[a] < confidence[b] else b]
        cv2.line(layer, start, end, color, thick, cv2.LINE_AA, SHIFT)
    share = min(1.0, width)
    cv2.addWeighted(layer, share, part, 1 - share, 0, dst=part)


def colour_copy(image: np.ndarray) -> np.ndarray:
    """Return a BGR copy of an image, uint8 (H, W, 3).

    Args:
        image (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3) BGR.
    """
    image = image.reshape(*image.shape[:2], -1)
    if image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return image.copy()


def draw_box(
    image: np.ndarray, box: np.ndarray, color: Sequence[int], thick: int = 1
) -> None:
    """Draw a box (x1, y1, x2, y2) into a BGR image; a thick one has a dark edge."""
    low, high = sixteenths(box[:2]), sixteenths(box[2:])
    if thick > 1:
        cv2.rectangle(image, low, high, EDGE, thick + 2, cv2.LINE_AA, SHIFT)
    cv2.rectangle(image, low, high, color, thick, cv2.LINE_AA, SHIFT)


def draw_dot(
    image: np.ndarray, point: np.ndarray, color: Sequence[int], radius: float
) -> None:
    """Draw a filled circle around (x, y) into a BGR image.

    A tiny dot colours one pixel, blended with its neighbours. A large dot has a
    dark rim.
    """
    if radius < TINY:
        _draw_pixel(image, point, color)
        return
    reach = round(radius * PARTS)
    if radius >= RIMMED:
        rim = reach + round(max(1.0, RIM * radius) * PARTS)
        cv2.circle(image, sixteenths(point), rim, EDGE, -1, cv2.LINE_AA, SHIFT)
    cv2.circle(image, sixteenths(point), reach, color, -1, cv2.LINE_AA, SHIFT)


def _draw_pixel(image: np.ndarray, point: np.ndarray, color: Sequence[int]) -> None:
    """Blend a colour into the four pixels around (x, y), by bilinear weights."""
    height, width = image.shape[:2]
    x, y = (math.floor(value) for value in point)
    right, below = float(point[0]) - x, float(point[1]) - y
    for column, across in ((x, 1 - right), (x + 1, right)):
        for row, down in ((y, 1 - below), (y + 1, below)):
            if 0 <= column < width and 0 <= row < height:
                share, old = across * down, image[row, column].tolist()
                image[row, column] = [
                    round((1 - share) * a + share * b)
                    for a, b in zip(old, color, strict=True)
                ]


def sixteenths(point: np.ndarray) -> tuple[int, int]:
    """Return (x, y) in 16ths of a pixel, as OpenCV takes coordinates."""
    x, y = (round(float(value) * PARTS) for value in point)
    return x, y


def write(
    image: np.ndarray,
    text: str,
    place: tuple[float, float],
    height: float,
    color: Sequence[int] = BOX,
) -> None:
    """Write one line of text with a dark outline into a BGR image.

    Args:
        image (np.ndarray): uint8 (H, W, 3).
        text (str): ASCII; OpenCV writes other characters as question marks.
        place (tuple[float, float]): (x, y) of the left end of the base line.
        height (float): Height of a capital letter in pixels.
        color (tuple): BGR. Defaults to white.
    """
    scale = height / FONT_HEIGHT
    thick = max(1, round(height / 9))
    left, base = round(place[0]), round(place[1])
    outline = thick + 2 * max(1, round(height / 12))
    for part, width in ((EDGE, outline), (color, thick)):
        cv2.putText(image, text, (left, base), FONT, scale, part, width, cv2.LINE_AA)


def text_width(text: str, height: float) -> int:
    """Return the width of a line that :func:`write` writes, in pixels."""
    thick = max(1, round(height / 9))
    return cv2.getTextSize(text, FONT, height / FONT_HEIGHT, thick)[0][0]


def _draw_legend(image: np.ndarray, keypoints: OfFaces) -> None:
    """Explain the colours of the confidence in the emptiest corner."""
    height = max(8.0, min(image.shape[:2]) / 45)
    gap = round(0.8 * height)
    bar = 1.2 * height, max(9 * height, text_width('confidence', height))
    size = np.array([bar[1] + 3.5 * gap, bar[0] + 2 * height + 3.5 * gap]).round()
    free = np.array(image.shape[1::-1]) - size
    if (free < size).any():
        return
    found = [np.reshape(points, (-1, 2)) for points in keypoints]
    points = np.concatenate(found) if found else np.zeros((0, 2))
    # Bottom corners first.
    corners = [np.array(c) for c in ((0, free[1]), free, (0, 0), (free[0], 0))]
    hidden = [((c <= points) & (points < c + size)).all(1).sum() for c in corners]
    left, top = corners[int(np.argmin(hidden))].astype(int)
    right, bottom = (int(v) for v in (left, top) + size)
    panel = image[top:bottom, left:right]
    panel[:] = panel // 4
    write(image, 'confidence', (left + gap, top + gap + height), height)
    start, width = left + gap, round(bar[1])
    low, high = round(top + 2 * gap + height), round(top + 2 * gap + height + bar[0])
    image[low:high, start : start + width] = confidence_colors(np.linspace(0, 1, width))
    for value in (0, 0.5, 1):
        text = f'{value:g}'
        x = start + value * (width - text_width(text, height))
        write(image, text, (x, high + gap / 2 + height), height)


def _ellipse(
    image: np.ndarray,
    point: np.ndarray,
    covariance: np.ndarray,
    color: Sequence[int],
    thick: int,
) -> None:
    """Draw the ellipse that holds 90 % of the probability."""
    variances, axes = np.linalg.eigh(covariance.astype(float))
    reach = NINETY * np.sqrt(variances.clip(0))
    if not drawable(reach):
        return
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1]))
    cv2.ellipse(
        image,
        sixteenths(point),
        sixteenths(reach[::-1]),  # eigh returns the longer axis last.
        angle,
        0,
        360,
        color,
        thick,
        cv2.LINE_AA,
        SHIFT,
    )


def drawable(numbers: np.ndarray) -> bool:
    """Whether OpenCV can draw at these coordinates."""
    return bool((np.abs(numbers) < FARTHEST).all())
