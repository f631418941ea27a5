"""Draw predicted keypoints, boxes and confidence ellipses into an image.

The helpers for coordinates and dots also serve
:mod:`rcn_mmpose.image.contact_sheet`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..environment.missing import named_cure

with named_cure():
    import cv2

# One array for N faces, or N arrays.
OfFaces = np.ndarray | Sequence[np.ndarray]
BOX = (255, 255, 255)
# BGR at confidence 0, 1/2 and 1; chosen for colour-blind readers.
LOW_TO_HIGH = np.array([(0, 0, 255), (0, 255, 255), (255, 255, 0)], float)
# Radius in standard deviations of the ellipse that holds 90 % of a normal
# distribution in the plane: 1 - exp(-r^2 / 2) = 0.9.
NINETY = math.sqrt(-2 * math.log(0.1))
# OpenCV takes coordinates in 16ths of a pixel (its argument ``shift`` is 4), of
# less than 2^15 pixels.
SHIFT = 4
PARTS, FARTHEST = 2**SHIFT, 32000


def confidence_color(confidence: float) -> tuple[int, int, int]:
    """Return red for a confidence of 0, yellow for 1/2, cyan for 1.

    Args:
        confidence (float): In [0, 1]; other values are clipped.

    Returns:
        tuple[int, int, int]: BGR.
    """
    place = 2 * min(max(float(confidence), 0.0), 1.0)
    blue, green, red = (
        round(np.interp(place, (0, 1, 2), LOW_TO_HIGH[:, i])) for i in range(3)
    )
    return blue, green, red


def draw_keypoints(
    image: np.ndarray,
    keypoints: OfFaces,
    confidence: OfFaces,
    boxes: OfFaces,
    covariance: OfFaces | None = None,
) -> np.ndarray:
    """Draw the keypoints of all faces of an image.

    Dots are coloured by confidence (:func:`confidence_color`); boxes are
    white. Values that are not finite or far outside the image are not drawn.

    Args:
        image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
        keypoints (OfFaces): (x, y) in pixels, (N, K, 2).
        confidence (OfFaces): In [0, 1], (N, K).
        boxes (OfFaces): (x1, y1, x2, y2), (N, 4).
        covariance (OfFaces, optional): In squared pixels,
            (N, K, 2, 2). Draws for each keypoint the ellipse that holds 90 %
            of a normal distribution. Defaults to None.

    Returns:
        np.ndarray: A copy, uint8 (H, W, 3) BGR.
    """
    drawn = colour_copy(image)
    for i, box in enumerate(boxes):
        if not _drawable(box):
            continue
        side = float((box[2:] - box[:2]).max())
        thick = max(1, round(side / 200))
        draw_box(drawn, box, BOX, thick)
        count = len(keypoints[i])
        radius = max(1.0, side / (60 if count <= 10 else 110))
        for k in range(count):
            point = keypoints[i][k]
            if not _drawable(point):
                continue
            color = confidence_color(confidence[i][k])
            if covariance is not None and _drawable(covariance[i][k]):
                _ellipse(drawn, point, covariance[i][k], color, thick)
            draw_dot(drawn, point, color, radius)
    return drawn


def colour_copy(image: np.ndarray) -> np.ndarray:
    """Return a BGR copy of an image, uint8 (H, W, 3).

    Args:
        image (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3) BGR.
    """
    image = image.reshape(*image.shape[:2], -1)
    if image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return image.copy()


def draw_box(image: np.ndarray, box: np.ndarray, color: tuple, thick: int = 1) -> None:
    """Draw a box (x1, y1, x2, y2) into a BGR image."""
    low, high = sixteenths(box[:2]), sixteenths(box[2:])
    cv2.rectangle(image, low, high, color, thick, cv2.LINE_AA, SHIFT)


def draw_dot(image: np.ndarray, point: np.ndarray, color: tuple, radius: float) -> None:
    """Draw a filled circle around (x, y) into a BGR image."""
    reach = round(radius * PARTS)
    cv2.circle(image, sixteenths(point), reach, color, -1, cv2.LINE_AA, SHIFT)


def sixteenths(point: np.ndarray) -> tuple[int, int]:
    """Return (x, y) in 16ths of a pixel, as OpenCV takes coordinates."""
    x, y = (round(float(value) * PARTS) for value in point)
    return x, y


def _ellipse(
    image: np.ndarray,
    point: np.ndarray,
    covariance: np.ndarray,
    color: tuple,
    thick: int,
) -> None:
    """Draw the ellipse that holds 90 % of the probability."""
    variances, axes = np.linalg.eigh(covariance.astype(float))
    reach = NINETY * np.sqrt(variances.clip(0))
    if not _drawable(reach):
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


def _drawable(numbers: np.ndarray) -> bool:
    """Whether OpenCV can draw at these coordinates."""
    return bool((np.abs(numbers) < FARTHEST).all())
