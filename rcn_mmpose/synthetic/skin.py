"""Skin and features painted on the face seen from the front.

The map has the frame and the size of the relief's.
"""

from typing import NamedTuple

import cv2
import numpy as np

from .layout import Layout
from .parameters import Expression, Identity
from .relief import HEIGHT, SCALE, WIDTH, draw_line, fill, grid, to_pixels


class Look(NamedTuple):
    """Colours and surface of a face.

    Attributes:
        skin (np.ndarray): BGR, 0 to 255, (3,).
        hair (np.ndarray): BGR of brows and beard, (3,).
        lips (np.ndarray): BGR, (3,).
        iris (np.ndarray): BGR, (3,).
        brow (float): Opacity of the brows, 0 to 1.
        stubble (float): Shade of a shaven beard, 0 to 1.
        beard (str): ``''``, ``'full'``, ``'goatee'`` or ``'moustache'``.
        make_up (float): Dark lashes and lids, 0 to 1.
        spots (float): Unevenness, 0 to 1.
        shine (float): Strength of reflections, 0 to 1.
    """

    skin: np.ndarray
    hair: np.ndarray
    lips: np.ndarray
    iris: np.ndarray
    brow: float
    stubble: float
    beard: str
    make_up: float
    spots: float
    shine: float


def draw_skin_colour(rng: np.random.Generator) -> np.ndarray:
    """Draw a skin colour from light to very dark.

    Args:
        rng (np.random.Generator): Source.

    Returns:
        np.ndarray: BGR, 0 to 255, (3,).
    """
    tones = np.array(
        [
            (188, 205, 236),
            (160, 186, 226),
            (130, 162, 208),
            (95, 130, 182),
            (62, 92, 142),
            (40, 60, 100),
            (27, 38, 64),
        ],
        np.float64,
    )
    tone = rng.random() ** 1.25 * 6
    colour = [np.interp(tone, np.arange(7), tones[:, k]) for k in range(3)]
    return np.clip(colour + rng.normal(0, 6, 3), 8, 250)


def draw_look(
    rng: np.random.Generator,
    skin: np.ndarray,
    hair: np.ndarray,
    child: bool,
) -> Look:
    """Draw colours, beard and make-up.

    Args:
        rng (np.random.Generator): Source.
        skin (np.ndarray): BGR, (3,).
        hair (np.ndarray): BGR, (3,).
        child (bool): Without beard and make-up.

    Returns:
        Look: Everything that the painter needs.
    """
    male = rng.random() < 0.5
    beard, stubble, make_up = '', 0.0, 0.0
    if male and not child:
        beard = str(
            rng.choice(
                ['', 'full', 'goatee', 'moustache'], p=[0.6, 0.2, 0.1, 0.1]
            )
        )
        stubble = max(0.0, rng.uniform(-0.5, 0.7))
    elif not child:
        make_up = max(0.0, rng.uniform(-0.6, 1.0))
    red = np.array([0.72, 0.62, 0.92]) * rng.uniform(0.8, 1.1)
    lips = skin * red
    if make_up > 0.2:
        paint = np.array([60, 40, 170.0]) * rng.uniform(0.5, 1.3)
        lips += rng.uniform(0, 0.8) * (paint - lips)
    eyes = ((25, 40, 60), (50, 80, 110), (120, 100, 70), (90, 110, 80))
    dark = skin.mean() < 120 or hair.mean() < 40
    iris = eyes[rng.choice(4, p=(0.8, 0.2, 0, 0) if dark else (0.4, 0.2, 0.25, 0.15))]
    return Look(
        skin=skin,
        hair=hair,
        lips=np.clip(lips, 5, 240),
        iris=np.array(iris) * rng.uniform(0.6, 1.2),
        brow=rng.uniform(0.25, 0.95),
        stubble=stubble,
        beard=beard,
        make_up=make_up,
        spots=rng.random(),
        shine=rng.random(),
    )


def paint(
    rng: np.random.Generator,
    face: Identity,
    doing: Expression,
    layout: Layout,
    look: Look,
) -> np.ndarray:
    """Paint the face.

    Args:
        rng (np.random.Generator): Source of spots and hairs.
        face (Identity): Who.
        doing (Expression): What the face does.
        layout (Layout): The same face's lines.
        look (Look): Colours.

    Returns:
        np.ndarray: BGR reflectances 0 to 255, (HEIGHT, WIDTH, 3), uint8.
    """
    canvas = np.empty((HEIGHT, WIDTH, 3), np.float32)
    canvas[:] = look.skin
    _tint(canvas, rng, face, layout, look)
    _wrinkles(canvas, rng, face, doing, layout)
    _beard(canvas, rng, layout, look)
    _lips(canvas, layout, look)
    _nostrils(canvas, face)
    _brows(canvas, rng, face, layout, look)
    for k in range(2):
        _lid_shade(canvas, face, layout, look, k)
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    _mouth_inside(canvas, doing, layout, look)
    for k in range(2):
        _eye(canvas, rng, face, layout, look, k)
    return canvas


def _blend(canvas: np.ndarray, mask: np.ndarray, colour, strength=1.0) -> None:
    """Mix a colour in where the uint8 mask is, in place."""
    alpha = mask.astype(np.float32)[..., None] * np.float32(strength / 255)
    canvas += alpha * (np.asarray(colour, np.float32) - canvas)


def _tint(canvas, rng, face, layout, look) -> None:
    """Mottled skin, red cheeks and nose, spots."""
    x, y = grid()
    noise = rng.normal(size=(HEIGHT // 4 + 1, WIDTH // 4 + 1))
    noise = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 1.5)
    noise = cv2.resize(noise, (WIDTH, HEIGHT))
    fine = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    shade = 1 + 0.10 * (0.3 + look.spots) * noise
    shade += np.float32(0.006 + 0.014 * look.spots * rng.random()) * fine
    canvas *= shade[..., None]
    red = np.exp(-(((np.abs(x) - 0.62) / 0.3) ** 2 + ((y - 0.5) / 0.25) ** 2))
    red += np.exp(-((x / 0.2) ** 2 + ((y - face.nose_tip) / 0.2) ** 2))
    red = np.clip(red * (0.12 + 0.2 * look.make_up), 0, 1)[..., None]
    canvas += red * (canvas * np.float32([0.8, 0.75, 1.02]) - canvas)
    if look.spots > 0.6:
        for _ in range(int(rng.integers(2, 14))):
            at = rng.uniform((0, 60), (WIDTH, HEIGHT - 60)).astype(int)
            tone = look.skin * rng.uniform(0.5, 0.85)
            cv2.circle(
                canvas, tuple(at.tolist()), int(rng.integers(1, 3)),
                tone.tolist(), -1,
            )


def _wrinkles(canvas, rng, face, doing, layout) -> None:
    """Folds beside the mouth, lines on the forehead, below the eyes."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    depth = 0.06 + 0.16 * face.fold * face.age + 0.12 * max(doing.smile, 0)
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
        draw_line(mask, lower + (0, 0.10), int(90 + 100 * face.age), 2)
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
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(
        2.2 * depth / 255
    )


def _beard(canvas, rng, layout, look) -> None:
    """Stubble, then a beard of short strokes."""
    if not look.stubble and not look.beard:
        return
    x, y = grid()
    top = layout.lip_upper[20, 1]
    corner = layout.lip_upper[-1, 0]
    chin = layout.chin_y
    # the line from the ear below the cheek to the corner of the mouth
    cheek_line = top - 0.10 + 0.25 * np.exp(-(((x) / 0.25) ** 2))
    cheek_line = cheek_line - 0.7 * np.clip(np.abs(x) - corner - 0.2, 0, 1)
    area = np.clip((y - cheek_line) / 0.12, 0, 1)
    area *= np.clip((chin + 0.25 - y) / 0.25, 0, 1)
    lip = np.clip(1 - ((y - top + 0.09) / 0.10) ** 2, 0, 1)
    lip = lip * np.clip((corner + 0.12 - np.abs(x)) / 0.10, 0, 1)
    noise = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
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


def _lips(canvas, layout, look) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill(mask, np.concatenate((layout.lip_upper, layout.lip_lower[::-1])), 255)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.9)
    _blend(canvas, mask, look.lips, 0.55 + 0.4 * look.make_up)
    # the upper lip faces down and is darker
    mask[:] = 0
    fill(mask, np.concatenate((layout.lip_upper, layout.seam_upper[::-1])), 255)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(0.16 / 255)
    # shade below the lower lip
    mask[:] = 0
    draw_line(mask, layout.lip_lower[10:31] + (0, 0.05), 255, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), 2.0)
    canvas *= 1 - mask[..., None].astype(np.float32) * np.float32(0.22 / 255)


def _nostrils(canvas, face) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    y = face.nose_tip + 0.125
    for side in (-1, 1):
        at = to_pixels((side * 0.46 * face.nose_width, y))
        axes = (0.30 * face.nose_width * SCALE, 0.035 * SCALE)
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
                (side * 1.12 * face.nose_width, face.nose_tip + 0.06),
                (side * 0.95 * face.nose_width, face.nose_tip + 0.13),
            ]
        )
        draw_line(mask, wing, 70, 2)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.2)
    _blend(canvas, mask, canvas.mean((0, 1)) * 0.18, 0.85)


def _brows(canvas, rng, face, layout, look) -> None:
    """A band of hairs that thins out to both ends."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
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


def _lid_shade(canvas, face, layout, look, k) -> None:
    """Sockets, the crease above the lid and painted lids."""
    upper, lower = layout.lids[k]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
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


def _mouth_inside(canvas, doing, layout, look) -> None:
    """Dark cavity, tongue and teeth; only the seam when it is closed."""
    top, low = layout.seam_upper, layout.seam_lower
    dark = tuple((look.lips * 0.22).tolist())
    if doing.open <= 0.012:
        seam = tuple((look.lips * 0.35).tolist())
        draw_line(canvas, top, seam, 2)
        return
    hole = np.concatenate((top, low[::-1]))
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill(mask, hole, 255)
    inside = np.empty_like(canvas)
    inside[:] = np.clip(look.lips * 0.16, 4, 40)
    gap = low[20, 1] - top[20, 1]
    if gap > 0.15:
        at = to_pixels((top[20, 0], low[20, 1] - 0.2 * gap))
        half = 0.6 * (top[-1, 0] - top[0, 0]) / 2
        axes = (2 * half * SCALE, 0.7 * gap * SCALE)
        cv2.ellipse(
            inside, (tuple(at.tolist()), axes, 0.0), (70, 60, 130), -1
        )
    if doing.teeth > 0:
        row = min(0.145 * doing.teeth, 0.9 * gap)
        bulge = 1 - np.linspace(-1, 1, 41) ** 4
        edge = top + np.stack((np.zeros(41), row * bulge), 1)
        fill(inside, np.concatenate((top, edge[::-1])), (178, 198, 206))
        if doing.smile < 0.3 and gap > 0.2:
            edge = low - (0, 0.25 * gap)
            fill(
                inside, np.concatenate((low, edge[::-1])), (135, 152, 160)
            )
    inside = cv2.GaussianBlur(inside, (0, 0), 0.8)
    alpha = mask[..., None].astype(np.float32) / 255
    canvas += np.round(
        alpha * (inside.astype(np.float32) - canvas)
    ).astype(np.int16).astype(np.uint8)
    draw_line(canvas, top, dark, 1)


def _eye(canvas, rng, face, layout, look, k) -> None:
    """Eyeball with iris, pupil and a glint, clipped by the lids; lashes."""
    upper, lower = layout.lids[k]
    ball = np.empty_like(canvas)
    ball[:] = (198, 206, 212)
    iris = to_pixels(layout.irises[k])
    at = tuple(np.round(iris * 16).astype(int).tolist())

    def disc(radius, colour):
        cv2.circle(
            ball, at, int(radius * SCALE * 16), colour, -1, cv2.LINE_AA, 4
        )

    disc(face.iris, tuple((look.iris * 0.45).tolist()))
    disc(face.iris * 0.86, tuple(look.iris.tolist()))
    disc(face.iris * 0.45, (10, 10, 10))
    if rng.random() < 0.8:
        spot = np.round(
            (iris + rng.uniform(-0.045, 0.045, 2) * SCALE) * 16
        ).astype(int)
        cv2.circle(
            ball, tuple(spot.tolist()), int(rng.uniform(0.012, 0.03) * SCALE * 16),
            (255, 255, 255), -1, cv2.LINE_AA, 4,
        )
    # the upper lid throws a shadow on the ball
    draw_line(ball, upper + (0, 0.012), (105, 110, 118), 2)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill(mask, np.concatenate((upper, lower[::-1])), 255)
    alpha = mask[..., None].astype(np.float32) / 255
    canvas[:] = np.round(canvas + alpha * (ball - canvas.astype(np.float32)))
    lash = np.minimum(look.hair, look.skin * 0.45) * (1 - 0.5 * look.make_up)
    heavy = 2 + int(look.make_up > 0.3) + int(look.make_up > 0.7)
    draw_line(canvas, upper, tuple(lash.tolist()), heavy)
    rim = look.skin * (0.62 - 0.3 * look.make_up)
    draw_line(canvas, lower, tuple(rim.tolist()), 1)
