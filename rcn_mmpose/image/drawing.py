"""Predicted keypoints drawn into the image they were found in."""

from __future__ import annotations

import math

import cv2
import numpy as np

BOX = (255, 255, 255)
# BGR at confidence 0, 1/2 and 1; colour-blind people can tell them apart
LOW_TO_HIGH = np.array([(0, 0, 255), (0, 255, 255), (255, 255, 0)], float)
# An ellipse of so many standard deviations holds 90 % of a normal
# distribution in the plane: 1 - exp(-r^2 / 2) = 0.9.
NINETY = math.sqrt(-2 * math.log(0.1))
# OpenCV draws at whole numbers of this part of a pixel, below 2^15 pixels.
PARTS, FARTHEST = 16, 32000


def confidence_color(confidence: float) -> tuple[int, int, int]:
    """Return red for a confidence of 0, yellow for 1/2, cyan for 1.

    Args:
        confidence (float): In [0, 1]; other values count as the nearer end.

    Returns:
        tuple[int, int, int]: BGR.
    """
    place = 2 * min(max(float(confidence), 0.0), 1.0)
    color = [np.interp(place, (0, 1, 2), LOW_TO_HIGH[:, i]) for i in range(3)]
    return tuple(round(value) for value in color)


def draw_keypoints(
    image: np.ndarray,
    keypoints: np.ndarray,
    confidence: np.ndarray,
    boxes: np.ndarray,
    covariance: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the keypoints of all faces of an image.

    Dots are coloured by confidence (:func:`confidence_color`), boxes are
    white. What is not finite or far outside the image is left out.

    Args:
        image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.
        keypoints (np.ndarray): (x, y) in pixels, (N, K, 2).
        confidence (np.ndarray): In [0, 1], (N, K).
        boxes (np.ndarray): (x1, y1, x2, y2), (N, 4).
        covariance (np.ndarray, optional): In squared pixels,
            (N, K, 2, 2): draws for each keypoint the ellipse that holds 90 %
            of a normal distribution. Defaults to None.

    Returns:
        np.ndarray: A copy, uint8 (H, W, 3) BGR.
    """
    drawn = image.reshape(*image.shape[:2], -1)
    if drawn.shape[2] == 1:
        drawn = cv2.cvtColor(drawn, cv2.COLOR_GRAY2BGR)
    else:
        drawn = drawn.copy()
    for i, box in enumerate(boxes):
        if not _drawable(box):
            continue
        side = float((box[2:] - box[:2]).max())
        thick = max(1, round(side / 200))
        corners = [_whole(box[:2]), _whole(box[2:])]
        cv2.rectangle(drawn, *corners, BOX, thick, cv2.LINE_AA, 4)
        count = len(keypoints[i])
        radius = max(1.0, side / (60 if count <= 10 else 110))
        for k in range(count):
            point = keypoints[i][k]
            if not _drawable(point):
                continue
            color = confidence_color(confidence[i][k])
            if covariance is not None and _drawable(covariance[i][k]):
                _ellipse(drawn, point, covariance[i][k], color, thick)
            place, reach = _whole(point), round(radius * PARTS)
            cv2.circle(drawn, place, reach, color, -1, cv2.LINE_AA, 4)
    return drawn


def _ellipse(
    image: np.ndarray,
    point: np.ndarray,
    covariance: np.ndarray,
    color: tuple,
    thick: int,
) -> None:
    """Draw the ellipse of 90 %."""
    variances, axes = np.linalg.eigh(covariance.astype(float))
    reach = NINETY * np.sqrt(variances.clip(0))
    if not _drawable(reach):
        return
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1]))
    cv2.ellipse(
        image,
        _whole(point),
        _whole(reach[::-1]),  # eigh gives the longer axis last
        angle,
        0,
        360,
        color,
        thick,
        cv2.LINE_AA,
        4,
    )


def _drawable(numbers: np.ndarray) -> bool:
    """Whether OpenCV can draw with these."""
    return bool((np.abs(numbers) < FARTHEST).all())


def _whole(point: np.ndarray) -> tuple[int, int]:
    """Return a place in OpenCV's parts of a pixel."""
    x, y = (round(float(value) * PARTS) for value in point)
    return x, y
