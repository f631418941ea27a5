"""Skin and features, painted on a map of the face seen from the front.

The map has the same frame and size as the relief.
"""

import cv2
import numpy as np

from .features import (
    draw_brows,
    draw_eye,
    draw_lid_shade,
    draw_lips,
    draw_mouth_inside,
    draw_nostrils,
)
from .layout import Layout
from .look import Look
from .parameters import Expression, Identity
from .relief import HEIGHT, WIDTH, draw_line, grid


def paint(
    rng: np.random.Generator,
    face: Identity,
    doing: Expression,
    layout: Layout,
    look: Look,
) -> np.ndarray:
    """Paint the face.

    Args:
        rng (np.random.Generator): Random numbers of spots and hairs.
        face (Identity): Shape of the face at rest.
        doing (Expression): Expression of the face.
        layout (Layout): Feature lines of the same face.
        look (Look): Colours.

    Returns:
        np.ndarray: BGR reflectances 0 to 255, (HEIGHT, WIDTH, 3), uint8.
    """
    canvas = np.empty((HEIGHT, WIDTH, 3), np.float32)
    canvas[:] = look.skin
    _tint(canvas, rng, face, look)
    _wrinkles(canvas, rng, face, doing, layout)
    _beard(canvas, rng, layout, look)
    draw_lips(canvas, layout, look)
    draw_nostrils(canvas, face)
    draw_brows(canvas, rng, face, layout, look)
    for k in range(2):
        draw_lid_shade(canvas, face, layout, look, k)
    painted = np.clip(canvas, 0, 255).astype(np.uint8)
    draw_mouth_inside(painted, doing, layout, look)
    for k in range(2):
        draw_eye(painted, rng, face, layout, look, k)
    return painted


def _tint(
    canvas: np.ndarray,
    rng: np.random.Generator,
    face: Identity,
    look: Look,
) -> None:
    """Paint mottled skin, red cheeks and nose, and spots, in place."""
    x, y = grid()
    noise: np.ndarray = rng.normal(size=(HEIGHT // 4 + 1, WIDTH // 4 + 1))
    noise = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 1.5)
    noise = cv2.resize(noise, (WIDTH, HEIGHT))
    fine = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    shade = 1 + 0.10 * (0.3 + look.spots) * noise
    shade += np.float32(0.006 + 0.014 * look.spots * rng.random()) * fine
    canvas *= shade[..., None]
    red = np.exp(-(((np.abs(x) - 0.62) / 0.3) ** 2 + ((y - 0.5) / 0.25) ** 2))
    red += np.exp(-((x / 0.2) ** 2 + ((y - face.nose_tip) / 0.2) ** 2))
    red = np.clip(red * (0.12 + 0.2 * look.make_up), 0, 1)[..., None]
    redness = np.array([0.8, 0.75, 1.02], np.float32)
    canvas += red * (canvas * redness - canvas)
    if look.spots > 0.6:
        for _ in range(int(rng.integers(2, 14))):
            at = rng.uniform((0, 60), (WIDTH, HEIGHT - 60)).astype(int)
            tone = look.skin * rng.uniform(0.5, 0.85)
            cv2.circle(
                canvas,
                tuple(at.tolist()),
                int(rng.integers(1, 3)),
                tone.tolist(),
                -1,
            )


def _wrinkles(
    canvas: np.ndarray,
    rng: np.random.Generator,
    face: Identity,
    doing: Expression,
    layout: Layout,
) -> None:
    """Paint folds beside the mouth and wrinkles, in place."""
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    depth = 0.03 + 0.18 * face.fold * face.age + 0.12 * max(doing.smile, 0)
    for side in (-1, 1):
        corner = layout.lip_upper[0 if side < 0 else -1]
        line = np.array(
            [
                (side * (face.nose_width + 0.05), face.nose_tip + 0.02),
                (side * (face.nose_width + 0.16), face.nose_tip + 0.18),
                (corner[0] + side * 0.13, corner[1] - 0.06),
            ]
        )
        draw_line(mask, line, 200, 2)
        lower = layout.lids[0 if side < 0 else 1][1]
        draw_line(mask, lower + (0, 0.10), int(45 + 150 * face.age), 2)
    for side in (-1, 1):
        # Crow's feet, then random wrinkles of this face.
        if face.age > 0.3 or doing.smile > 0.4:
            start = np.array((side * (0.5 + 0.6 * face.eye_width), 0.0))
            for turn in (-0.5, 0.0, 0.5):
                way = np.array((side * np.cos(turn), np.sin(turn)))
                ends = np.array([start, start + 0.16 * way + (0, 0.03)])
                draw_line(mask, ends, int(140 * rng.random()), 1)
        for _ in range(int(rng.integers(0, 3 + int(4 * face.age)))):
            start = np.array((side, 1)) * rng.uniform((0.1, -0.1), (0.9, 1.5))
            ends = start + np.cumsum(rng.normal(0, 0.1, (4, 2)), 0)
            draw_line(mask, ends, int(rng.integers(30, 130)), 1)
    if face.age > 0.45:
        for k in range(int(rng.integers(1, 4))):
            y = -face.brow_height - 0.22 - 0.13 * k
            s = np.linspace(-0.6, 0.6, 7)
            line = np.stack((s, y + 0.05 * s**2 + rng.normal(0, 0.01, 7)), 1)
            draw_line(mask, line, int(200 * face.age), 1)
        for x in (-0.06, 0.06):
            draw_line(
                mask,
                np.array([(x, -0.32), (x * 0.9, -0.16)]),
                int(220 * max(doing.frown, 0.3)),
                2,
            )
    mask = cv2.GaussianBlur(mask, (0, 0), 1.2)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(2.2 * depth / 255)


def _beard(
    canvas: np.ndarray,
    rng: np.random.Generator,
    layout: Layout,
    look: Look,
) -> None:
    """Paint stubble and a beard, in place."""
    if not look.stubble and not look.beard:
        return
    x, y = grid()
    top = layout.lip_upper[20, 1]
    corner = layout.lip_upper[-1, 0]
    chin = layout.chin_y
    # The edge of the beard: from the ear below the cheek to the mouth's corner.
    cheek_line = top - 0.10 + 0.25 * np.exp(-(((x) / 0.25) ** 2))
    cheek_line = cheek_line - 0.7 * np.clip(np.abs(x) - corner - 0.2, 0, 1)
    area = np.clip((y - cheek_line) / 0.12, 0, 1)
    area *= np.clip((chin + 0.25 - y) / 0.25, 0, 1)
    lip = np.clip(1 - ((y - top + 0.09) / 0.10) ** 2, 0, 1)
    lip = lip * np.clip((corner + 0.12 - np.abs(x)) / 0.10, 0, 1)
    noise: np.ndarray = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6, sigmaY=1.8)
    noise = np.clip(0.75 + 0.5 * noise, 0, 1)
    cover = 0.45 * look.stubble * np.maximum(area, lip) * noise
    full = np.zeros_like(area)
    if look.beard == 'full':
        full = np.maximum(area, lip)
    elif look.beard == 'goatee':
        ring = np.clip((corner + 0.16 - np.abs(x)) / 0.08, 0, 1)
        full = np.maximum(area * ring, lip if rng.random() < 0.7 else 0)
    elif look.beard == 'moustache':
        full = lip
    cover = np.maximum(cover, full * noise * rng.uniform(0.6, 1.0))
    canvas += cover[..., None].astype(np.float32) * (
        look.hair.astype(np.float32) - canvas
    )
