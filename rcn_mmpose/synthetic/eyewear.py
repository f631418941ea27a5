"""Glasses: rims around the eyes, clear or dark lenses, reflections."""

from typing import NamedTuple

import cv2
import numpy as np

from .camera import Camera
from .head import Head
from .parameters import Identity


class Glasses(NamedTuple):
    """A pair of glasses, in eye distances.

    Attributes:
        half (tuple[float, float]): Half-width and half-height of a lens.
        power (float): Exponent of the rim: 2 is round, 5 a rectangle.
        drop (float): How far the lenses' middle lies below the eyes.
        rim (float): Thickness of the rim, 0 for none.
        colour (np.ndarray): BGR of the rim, (3,).
        tint (float): Opacity of the lenses, 0 to 0.97.
        glare (float): Strength of reflections, 0 to 1.
    """

    half: tuple
    power: float
    drop: float
    rim: float
    colour: np.ndarray
    tint: float
    glare: float


def draw_glasses(rng: np.random.Generator) -> Glasses | None:
    """Draw random glasses; three faces in four have no glasses.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        Glasses | None: The glasses, or None.
    """
    if rng.random() > 0.25:
        return None
    dark = rng.random() < 0.3
    grey = rng.uniform(5, 70)
    if rng.random() < 0.25:
        grey = rng.uniform(110, 220)
    return Glasses(
        half=(rng.uniform(0.30, 0.42), rng.uniform(0.17, 0.33)),
        power=rng.uniform(2, 5),
        drop=rng.uniform(0.0, 0.10),
        rim=rng.uniform(0.015, 0.08) * (rng.random() < 0.9),
        colour=np.clip(grey + rng.normal(0, 12, 3), 0, 255),
        tint=rng.uniform(0.55, 0.97) if dark else rng.uniform(0, 0.15),
        glare=max(0.0, rng.uniform(-0.6, 0.8)),
    )


def wear(
    rng: np.random.Generator,
    canvas: np.ndarray,
    depth: np.ndarray,
    glasses: Glasses,
    head: Head,
    face: Identity,
    camera: Camera,
) -> None:
    """Draw glasses over the image, in place.

    The head hides the far part of the glasses.

    Args:
        rng (np.random.Generator): Random numbers of the reflections.
        canvas (np.ndarray): BGR, (H, W, 3), float32.
        depth (np.ndarray): The head's depth, (H, W).
        glasses (Glasses): What to draw.
        head (Head): Shape.
        face (Identity): Shape of the face at rest.
        camera (Camera): The camera.
    """
    size = len(canvas)
    lens_mask = np.zeros((size, size), np.uint8)
    rim_mask = np.zeros((size, size), np.uint8)
    bridge_z = head.lift(np.array([[0.0, 0.12]]))[0, 2] + 0.02
    angle = np.linspace(0, 2 * np.pi, 33)
    c, s = np.cos(angle), np.sin(angle)
    c = np.sign(c) * np.abs(c) ** (2 / glasses.power)
    s = np.sign(s) * np.abs(s) ** (2 / glasses.power)
    thick = max(1, int(round(glasses.rim * camera.scale)))
    gap = 0.10 + glasses.half[0]

    def bend(x: np.ndarray | float) -> np.ndarray | float:
        """Return the depth z of the frame, which bends around the face."""
        return bridge_z - 0.16 * x**2

    def line(points: np.ndarray, closed: bool = False) -> None:
        flat = camera.project(points)
        keep = _in_front(flat, depth)
        corners = np.round(flat[:, :2] * 16).astype(np.int32)
        if closed and keep.all():
            cv2.polylines(rim_mask, [corners], True, 255, thick, cv2.LINE_AA, 4)
            return
        for k in range(len(corners) - 1):
            if keep[k] and keep[k + 1]:
                cv2.line(
                    rim_mask,
                    tuple(corners[k].tolist()),
                    tuple(corners[k + 1].tolist()),
                    255,
                    thick,
                    cv2.LINE_AA,
                    4,
                )

    for side in (-1, 1):
        x = side * gap + glasses.half[0] * c
        y = glasses.drop + glasses.half[1] * s
        rim = np.stack((x, y, bend(x)), 1)
        flat = camera.project(rim)
        if _in_front(flat, depth).mean() > 0.4:
            corners = np.round(flat[:, :2] * 16).astype(np.int32)
            cv2.fillPoly(lens_mask, [corners], 255, cv2.LINE_AA, 4)
        if glasses.rim:
            line(rim, True)
        x_out = side * (gap + glasses.half[0])
        ear = side * (1.22 * face.head_width)
        share = np.linspace(0, 1, 14)
        temple = np.stack(
            (
                x_out + (ear - x_out) * np.minimum(share * 4, 1),
                np.full(14, glasses.drop - 0.1),
                bend(x_out) + (0.0 - bend(x_out)) * share,
            ),
            1,
        )
        line(temple)
    x = np.linspace(-0.10, 0.10, 5)
    line(np.stack((x, np.full(5, glasses.drop - 0.06), bend(x)), 1))
    _lens(rng, canvas, lens_mask, glasses)
    alpha = rim_mask[..., None].astype(np.float32) / 255
    canvas += alpha * (glasses.colour.astype(np.float32) - canvas)


def _in_front(flat: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return which projected points the head does not hide, (N,)."""
    size = len(depth)
    x, y = np.clip(np.round(flat[:, :2]).astype(int), 0, size - 1).T
    return flat[:, 2] > depth[y, x] - 0.12


def _lens(
    rng: np.random.Generator,
    canvas: np.ndarray,
    mask: np.ndarray,
    glasses: Glasses,
) -> None:
    """Tint the lenses and draw reflections on them, in place."""
    size = len(canvas)
    alpha = mask.astype(np.float32)[..., None] / 255
    tint = rng.uniform(8, 60) * np.ones(3, np.float32)
    canvas += alpha * np.float32(glasses.tint) * (tint - canvas)
    if glasses.glare == 0:
        return
    glare: np.ndarray = np.zeros((size, size), np.uint8)
    ys, xs = np.nonzero(mask)
    if not len(xs):
        return
    for _ in range(int(rng.integers(1, 4))):
        k = int(rng.integers(len(xs)))
        a = np.array((xs[k], ys[k])) + rng.normal(0, size / 40, (4, 2))
        cv2.fillPoly(glare, [a.astype(np.int32)], 255, cv2.LINE_AA)
    glare = cv2.GaussianBlur(glare, (0, 0), float(rng.uniform(0.5, 2)))
    alpha = alpha * glare[..., None] * np.float32(glasses.glare / 255)
    canvas += alpha * (np.float32(rng.uniform(170, 255)) - canvas)
