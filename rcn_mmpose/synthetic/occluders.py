"""Occluders of the face: hands, microphones, phones, hair, objects."""

from typing import NamedTuple

import cv2
import numpy as np

from .background import random_colour


class Around(NamedTuple):
    """The face that occluders are placed around.

    Attributes:
        anchors (np.ndarray): Keypoints (x, y) of the face, (68, 2).
        unit (float): Eye distance of a frontal face in pixels.
        skin (np.ndarray): BGR as lit, (3,).
        hair (np.ndarray): BGR as lit, (3,).
    """

    anchors: np.ndarray
    unit: float
    skin: np.ndarray
    hair: np.ndarray


def draw_occluders(
    rng: np.random.Generator,
    canvas: np.ndarray,
    face: Around,
    chance: float = 0.3,
) -> np.ndarray:
    """Draw zero, one or two occluders over the image, in place.

    Args:
        rng (np.random.Generator): Random numbers.
        canvas (np.ndarray): BGR, (H, W, 3), float32.
        face (Around): The face.
        chance (float): Probability of at least one occluder.

    Returns:
        np.ndarray: Covered share of each pixel, 0 to 1, (H, W), float32.
    """
    size = len(canvas)
    covered = np.zeros((size, size), np.float32)
    if rng.random() >= chance:
        return covered
    for _ in range(1 + int(rng.random() < 0.25)):
        draw = (_hand, _microphone, _object, _strands, _half_plane)[
            rng.choice(5, p=(0.36, 0.12, 0.25, 0.17, 0.10))
        ]
        layer = np.zeros((size, size), np.uint8)
        tone = draw(rng, layer, face)
        alpha = layer.astype(np.float32) / 255
        # Round objects are darker at their edges.
        inside = cv2.distanceTransform((layer > 127).astype(np.uint8), cv2.DIST_L2, 3)
        round_ = np.clip(inside / (0.10 * face.unit), 0, 1)
        shade = (0.62 + 0.38 * round_) * _slant(rng, size)
        colour = tone * shade[..., None]
        # An occluder casts a shadow on the face.
        behind = cv2.GaussianBlur(alpha, (0, 0), 0.07 * face.unit)
        canvas *= (1 - 0.4 * behind * (1 - alpha))[..., None]
        canvas += alpha[..., None] * (colour - canvas)
        np.maximum(covered, alpha, out=covered)
    return covered


def _slant(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a smooth change of brightness over the image, (size, size)."""
    corners = rng.uniform(0.75, 1.2, (2, 2)).astype(np.float32)
    return cv2.resize(corners, (size, size), interpolation=cv2.INTER_LINEAR)


def _tip(rng: np.random.Generator, anchors: np.ndarray, spread: float) -> np.ndarray:
    """Choose a position on the face; the lower half and the sides are likelier."""
    if rng.random() < 0.7:
        at = anchors[rng.choice(np.r_[2:15, 48:60, 5:12])]
    else:
        at = anchors[rng.integers(68)]
    return at + rng.normal(0, spread, 2)


def _stroke(layer: np.ndarray, a: np.ndarray, b: np.ndarray, thick: float) -> None:
    """Draw a line between two points, in place."""
    cv2.line(
        layer,
        (int(a[0]), int(a[1])),
        (int(b[0]), int(b[1])),
        255,
        max(1, int(thick)),
        cv2.LINE_AA,
    )


def _hand(rng: np.random.Generator, layer: np.ndarray, face: Around) -> np.ndarray:
    """Draw a hand with one to five fingers; return its colour."""
    anchors, unit = face.anchors, face.unit
    at = _tip(rng, anchors, 0.25 * unit)
    middle = anchors[27:36].mean(0)
    away = at - middle + rng.normal(0, 0.5 * unit, 2) + (0, 0.5 * unit)
    angle = np.arctan2(away[1], away[0]) + rng.normal(0, 0.4)
    out = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-out[1], out[0]])
    thick = rng.uniform(0.20, 0.30) * unit
    count = int(rng.integers(1, 6))
    spread = rng.uniform(1.0, 1.35)
    for k in range(count):
        shift = (k - (count - 1) / 2) * thick * spread
        fan = shift * rng.uniform(0.6, 1.4)
        tip = at + across * fan - out * thick * rng.uniform(0, 1.2)
        knuckle = at + across * shift + out * rng.uniform(0.7, 1.0) * unit
        bend = (tip + knuckle) / 2 + across * rng.normal(0, 0.05 * unit)
        _stroke(layer, tip, bend, thick * 0.9)
        _stroke(layer, bend, knuckle, thick)
    palm = at + out * 1.1 * unit
    axes = 0.6 * unit, max(0.35, 0.16 * count) * unit
    cv2.ellipse(
        layer,
        (
            tuple(palm.tolist()),
            (2 * axes[0], 2 * axes[1]),
            float(np.degrees(angle)),
        ),
        255,
        -1,
        cv2.LINE_AA,
    )
    _stroke(layer, palm, palm + out * 5 * unit, 0.75 * unit)
    return face.skin * rng.uniform(0.8, 1.15)


def _microphone(
    rng: np.random.Generator, layer: np.ndarray, face: Around
) -> np.ndarray:
    """Draw a microphone near the mouth or a phone at the ear; return its colour."""
    anchors, unit = face.anchors, face.unit
    if rng.random() < 0.3:
        at = anchors[rng.choice((2, 3, 13, 14))]
        angle = float(rng.normal(80, 15))
        box = (tuple(at.tolist()), (1.9 * unit, 0.8 * unit), angle)
        corners = cv2.boxPoints(box).astype(np.int32)
        cv2.fillPoly(layer, [corners], 255, cv2.LINE_AA)
        return np.full(3, rng.uniform(5, 120))
    at = anchors[57] + rng.normal(0, 0.35 * unit, 2) + (0, 0.3 * unit)
    radius = rng.uniform(0.18, 0.38) * unit
    cv2.circle(layer, (int(at[0]), int(at[1])), int(radius), 255, -1, cv2.LINE_AA)
    end = at + (rng.normal(0, 2) * unit, 4 * unit)
    _stroke(layer, at, end, radius)
    return np.full(3, rng.uniform(10, 140))


def _object(rng: np.random.Generator, layer: np.ndarray, face: Around) -> np.ndarray:
    """Draw a rectangle, an ellipse or a polygon; return its colour."""
    anchors, unit = face.anchors, face.unit
    at = _tip(rng, anchors, 0.4 * unit)
    extent = rng.uniform(0.3, 1.5, 2) * unit
    # Move outwards, so that most of the face stays visible.
    at = at + (at - anchors[27:36].mean(0)) * rng.uniform(0, 0.5)
    box = (
        tuple(at.tolist()),
        tuple(extent.tolist()),
        float(rng.uniform(0, 180)),
    )
    kind = rng.integers(3)
    if kind == 0:
        corners = cv2.boxPoints(box).astype(np.int32)
        cv2.fillPoly(layer, [corners], 255, cv2.LINE_AA)
    elif kind == 1:
        cv2.ellipse(layer, box, 255, -1, cv2.LINE_AA)
    else:
        corners = at + rng.normal(0, 0.5, (5, 2)) * extent
        hull = cv2.convexHull(corners.astype(np.int32))
        cv2.fillPoly(layer, [hull], 255, cv2.LINE_AA)
    return np.array(random_colour(rng))


def _strands(rng: np.random.Generator, layer: np.ndarray, face: Around) -> np.ndarray:
    """Draw hair over forehead, eye and cheek; return its colour."""
    anchors, unit = face.anchors, face.unit
    top = anchors[17:27].mean(0) - (0, 1.0 * unit)
    side = rng.choice((-1, 1))
    for _ in range(int(rng.integers(3, 16))):
        a = top + rng.normal(0, (0.4, 0.1)) * unit
        b = a + (
            side * rng.uniform(0.2, 1.3) * unit,
            rng.uniform(0.7, 2.4) * unit,
        )
        bend = (a + b) / 2 + rng.normal(0, 0.2 * unit, 2)
        t = np.linspace(0, 1, 8)[:, None]
        curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * bend + t**2 * b
        cv2.polylines(
            layer,
            [np.round(curve).astype(np.int32)],
            False,
            255,
            int(rng.integers(1, 3)),
            cv2.LINE_AA,
        )
    return face.hair * rng.uniform(0.7, 1.3)


def _half_plane(
    rng: np.random.Generator, layer: np.ndarray, face: Around
) -> np.ndarray:
    """Draw a large object that covers one side; return its colour."""
    anchors, unit = face.anchors, face.unit
    middle = anchors[27:36].mean(0)
    angle = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-out[1], out[0]])
    near = middle + out * rng.uniform(0.75, 1.4) * unit
    corners = [
        near - across * 9 * unit,
        near + across * 9 * unit,
        near + across * 9 * unit + out * 9 * unit,
        near - across * 9 * unit + out * 9 * unit,
    ]
    cv2.fillPoly(layer, [np.round(corners).astype(np.int32)], 255, cv2.LINE_AA)
    return np.array(random_colour(rng))
