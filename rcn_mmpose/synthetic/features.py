"""Lips, mouth, nostrils, brows and eyes, painted on the map of the skin."""

import cv2
import numpy as np

from .layout import Layout
from .look import Look
from .parameters import Expression, Identity
from .relief import HEIGHT, SCALE, WIDTH, draw_line, fill, to_pixels


def _blend(
    canvas: np.ndarray,
    mask: np.ndarray,
    colour: np.ndarray,
    strength: float = 1.0,
) -> None:
    """Blend a colour into the canvas by a uint8 mask, in place."""
    alpha = mask.astype(np.float32)[..., None] * np.float32(strength / 255)
    canvas += alpha * (np.asarray(colour, np.float32) - canvas)


def draw_lips(
    canvas: np.ndarray,
    layout: Layout,
    look: Look,
) -> None:
    """Draw the lips, in place.

    Args:
        canvas (np.ndarray): The map, (HEIGHT, WIDTH, 3), float32.
        layout (Layout): Feature lines of the same face.
        look (Look): Colours.
    """
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill(mask, np.concatenate((layout.lip_upper, layout.lip_lower[::-1])), 255)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.9)
    _blend(canvas, mask, look.lips, 0.55 + 0.4 * look.make_up)
    # The upper lip faces down, so it is darker.
    mask[:] = 0
    fill(mask, np.concatenate((layout.lip_upper, layout.seam_upper[::-1])), 255)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(0.16 / 255)
    mask[:] = 0
    middle = 0.5 * (layout.lip_lower + layout.seam_lower)[10:31]
    draw_line(mask, middle, 255, 3)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)
    canvas *= 1 + mask[..., None].astype(np.float32) * np.float32(
        (0.1 + 0.12 * look.shine) / 255
    )
    # The lower lip casts a shadow.
    mask[:] = 0
    draw_line(mask, layout.lip_lower[10:31] + (0, 0.05), 255, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), 2.0)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(0.22 / 255)


def draw_nostrils(
    canvas: np.ndarray,
    face: Identity,
) -> None:
    """Draw nostrils and the edges of the wings, in place.

    Args:
        canvas (np.ndarray): The map, (HEIGHT, WIDTH, 3), float32.
        face (Identity): Shape of the face at rest.
    """
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    y = face.nose_tip + 0.125
    for side in (-1, 1):
        at = to_pixels(np.array((side * 0.48 * face.nose_width, y)))
        axes = (0.24 * face.nose_width * SCALE, 0.035 * SCALE)
        cv2.ellipse(
            mask,
            (tuple(at.tolist()), tuple(2 * a for a in axes), side * -18.0),
            255,
            -1,
            cv2.LINE_AA,
        )
        wing = np.array(
            [
                (side * 0.95 * face.nose_width, face.nose_tip - 0.02),
                (side * 1.16 * face.nose_width, face.nose_tip + 0.06),
                (side * 0.95 * face.nose_width, face.nose_tip + 0.13),
            ]
        )
        draw_line(mask, wing, 90, 2)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.2)
    _blend(canvas, mask, canvas.mean((0, 1)) * 0.18, 0.85)


def draw_brows(
    canvas: np.ndarray,
    rng: np.random.Generator,
    face: Identity,
    layout: Layout,
    look: Look,
) -> None:
    """Draw the brows: bands of hair that get thinner outwards, in place.

    Args:
        canvas (np.ndarray): The map, (HEIGHT, WIDTH, 3), float32.
        rng (np.random.Generator): Random numbers of hairs and glints.
        face (Identity): Shape of the face at rest.
        layout (Layout): Feature lines of the same face.
        look (Look): Colours.
    """
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    for brow in layout.brows:
        x = np.linspace(brow[0, 0], brow[-1, 0], 24)
        y = np.interp(x, brow[:, 0], brow[:, 1])
        inner = np.abs(x) - np.abs(x).min()
        share = inner / inner.max()
        thick = face.brow_thick * (1 - 0.65 * share)
        rim = np.concatenate(
            (
                np.stack((x, y - thick), 1),
                np.stack((x, y + thick), 1)[::-1],
            )
        )
        fill(mask, rim, 255)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.8)
    noise = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    noise = np.clip(0.85 + 0.35 * cv2.GaussianBlur(noise, (0, 0), 0.8), 0, 1)
    colour = np.minimum(look.hair, look.skin * 0.75)
    _blend(canvas, mask * noise, colour, look.brow)


def draw_lid_shade(
    canvas: np.ndarray,
    face: Identity,
    layout: Layout,
    look: Look,
    k: int,
) -> None:
    """Draw the crease above a lid and its make-up, in place.

    Args:
        canvas (np.ndarray): The map, (HEIGHT, WIDTH, 3), float32.
        face (Identity): Shape of the face at rest.
        layout (Layout): Feature lines of the same face.
        look (Look): Colours.
        k (int): 0 is the eye at the image's left, 1 the other.
    """
    upper, lower = layout.lids[k]
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    crease = upper - (0, face.lid_crease)
    fill(mask, np.concatenate((crease, upper[::-1])), 255)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)
    shade = 0.12 + 0.5 * look.make_up * (look.make_up > 0.5)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(shade / 255)
    mask[:] = 0
    draw_line(mask, crease, 255, 2)
    draw_line(mask, lower + (0, 0.02), 120, 2)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.0)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(0.38 / 255)


def draw_mouth_inside(
    canvas: np.ndarray,
    doing: Expression,
    layout: Layout,
    look: Look,
) -> None:
    """Draw the open mouth with tongue and teeth, or the closed lips, in place.

    Args:
        canvas (np.ndarray): The map, (HEIGHT, WIDTH, 3), uint8.
        doing (Expression): Expression of the face.
        layout (Layout): Feature lines of the same face.
        look (Look): Colours.
    """
    top, low = layout.seam_upper, layout.seam_lower
    dark = tuple((look.lips * 0.22).tolist())
    if doing.open <= 0.012:
        seam = tuple((look.lips * 0.35).tolist())
        draw_line(canvas, top, seam, 2)
        return
    hole = np.concatenate((top, low[::-1]))
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill(mask, hole, 255)
    inside = np.empty_like(canvas)
    inside[:] = np.clip(look.lips * 0.16, 4, 40)
    gap = low[20, 1] - top[20, 1]
    if gap > 0.15:
        at = to_pixels(np.array((top[20, 0], low[20, 1] - 0.2 * gap)))
        half = 0.6 * (top[-1, 0] - top[0, 0]) / 2
        axes = (2 * half * SCALE, 0.7 * gap * SCALE)
        cv2.ellipse(inside, (tuple(at.tolist()), axes, 0.0), (70, 60, 130), -1)
    if doing.teeth > 0:
        row = min(0.145 * doing.teeth, 0.9 * gap)
        bulge = 1 - np.linspace(-1, 1, 41) ** 4
        edge = top + np.stack((np.zeros(41), row * bulge), 1)
        fill(inside, np.concatenate((top, edge[::-1])), (178, 198, 206))
        if doing.smile < 0.3 and gap > 0.2:
            edge = low - (0, min(0.25 * gap, 0.08))
            fill(inside, np.concatenate((low, edge[::-1])), (135, 152, 160))
        # Gaps between the teeth are closer together at the sides.
        for s in np.sin(np.linspace(-1.25, 1.25, 9)):
            x = top[20, 0] + 0.9 * s * (top[-1, 0] - top[20, 0])
            gap_line = np.array([(x, top[20, 1] - 0.1), (x, low[20, 1])])
            draw_line(inside, gap_line, (130, 145, 152), 1)
    inside = cv2.GaussianBlur(inside, (0, 0), 0.8)
    alpha = mask[..., None].astype(np.float32) / 255
    canvas[:] = np.round(canvas + alpha * (inside - canvas.astype(np.float32)))
    draw_line(canvas, top, dark, 1)


def draw_eye(
    canvas: np.ndarray,
    rng: np.random.Generator,
    face: Identity,
    layout: Layout,
    look: Look,
    k: int,
) -> None:
    """Draw an eyeball, clipped by the lids, and its lashes, in place.

    Args:
        canvas (np.ndarray): The map, (HEIGHT, WIDTH, 3), uint8.
        rng (np.random.Generator): Random numbers of hairs and glints.
        face (Identity): Shape of the face at rest.
        layout (Layout): Feature lines of the same face.
        look (Look): Colours.
        k (int): 0 is the eye at the image's left, 1 the other.
    """
    upper, lower = layout.lids[k]
    ball = np.empty_like(canvas)
    ball[:] = (172, 179, 185)
    iris = to_pixels(layout.irises[k])
    at = tuple(np.round(iris * 16).astype(int).tolist())

    def disc(radius: float, colour: tuple) -> None:
        cv2.circle(ball, at, int(radius * SCALE * 16), colour, -1, cv2.LINE_AA, 4)

    disc(face.iris, tuple((look.iris * 0.45).tolist()))
    disc(face.iris * 0.86, tuple(look.iris.tolist()))
    disc(face.iris * 0.45, (10, 10, 10))
    if rng.random() < 0.8:
        spot = np.round((iris + rng.uniform(-0.045, 0.045, 2) * SCALE) * 16).astype(int)
        cv2.circle(
            ball,
            tuple(spot.tolist()),
            int(rng.uniform(0.012, 0.03) * SCALE * 16),
            (255, 255, 255),
            -1,
            cv2.LINE_AA,
            4,
        )
    # The upper lid casts a shadow on the eyeball.
    draw_line(ball, upper + (0, 0.012), (105, 110, 118), 2)
    mask: np.ndarray = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill(mask, np.concatenate((upper, lower[::-1])), 255)
    alpha = mask[..., None].astype(np.float32) / 255
    canvas[:] = np.round(canvas + alpha * (ball - canvas.astype(np.float32)))
    lash = np.minimum(look.hair, look.skin * 0.45) * (1 - 0.5 * look.make_up)
    heavy = 2 + int(look.make_up > 0.3) + int(look.make_up > 0.7)
    draw_line(canvas, upper, tuple(lash.tolist()), heavy)
    rim = look.skin * (0.62 - 0.3 * look.make_up)
    draw_line(canvas, lower, tuple(rim.tolist()), 1)
