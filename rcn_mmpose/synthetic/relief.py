"""The relief of the face: the height of each feature above the bare head."""

import cv2
import numpy as np

from .layout import Layout
from .parameters import Expression, Identity

# Pixels per eye distance, top left corner in the face frame, size in pixels.
SCALE = 72.0
LEFT, TOP = -1.42, -1.75
WIDTH, HEIGHT = 204, 310


def grid() -> tuple:
    """Return the face frame's coordinates of the relief's pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: x of shape (1, WIDTH) and y of shape
        (HEIGHT, 1).
    """
    x = LEFT + np.arange(WIDTH, dtype=np.float32)[None] / SCALE
    y = TOP + np.arange(HEIGHT, dtype=np.float32)[:, None] / SCALE
    return x, y


def to_pixels(points: np.ndarray) -> np.ndarray:
    """Convert points of the face frame into pixels of the relief.

    Args:
        points (np.ndarray): (..., 2).

    Returns:
        np.ndarray: (..., 2).
    """
    return (np.asarray(points) - (LEFT, TOP)) * SCALE


def make_relief(
    face: Identity,
    doing: Expression,
    layout: Layout,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Compute the relief.

    Args:
        face (Identity): Shape of the face at rest.
        doing (Expression): Expression of the face.
        layout (Layout): Feature lines of the same face.
        rng (np.random.Generator, optional): Random numbers of uneven flesh.
            Without them the face is smooth and symmetric.

    Returns:
        np.ndarray: Distance along z in eye distances, (HEIGHT, WIDTH),
        float32, 0 at the borders.
    """
    x, y = grid()

    def bump(x0: float, y0: float, sx: float, sy: float, height: float) -> np.ndarray:
        return (height * _bell(y, y0, sy)) * _bell(x, x0, sx)

    def pair(x0: float, y0: float, sx: float, sy: float, height: float) -> np.ndarray:
        return (height * _bell(y, y0, sy)) * (_bell(x, -x0, sx) + _bell(x, x0, sx))

    smile = max(doing.smile, 0)
    mouth = layout.seam_upper[20]
    brow_y = -face.brow_height + 0.06
    relief = pair(0.42, brow_y, 0.32, 0.10, face.brow_ridge)
    relief += bump(0, brow_y + 0.08, 0.14, 0.10, 0.6 * face.brow_ridge)
    relief -= pair(0.47, 0.03, 0.24, 0.17, face.socket)
    # The inner corners of the eyes are deepest.
    relief -= pair(0.24, 0.02, 0.09, 0.10, 0.35 * face.socket)
    relief += pair(0.51, 0.01, 0.15, 0.11, 0.10)
    # Bags below the eyes.
    bag = 0.015 + 0.03 * face.age + 0.02 * smile
    relief += pair(0.49, 0.19, 0.17, 0.035, bag)
    relief -= pair(0.47, 0.26, 0.20, 0.04, bag)
    cheek_y = 0.50 - 0.06 * smile
    relief += pair(0.62, cheek_y, 0.24, 0.20, face.cheek + 0.07 * smile)
    relief += _nose(face, x, y)
    # Mouth and chin.
    relief += bump(0, mouth[1], 0.36, 0.22, 0.10 + 0.05 * doing.pucker)
    half = layout.lip_upper[-1, 0] - mouth[0]
    top, low = layout.lip_upper[20, 1], layout.lip_lower[20, 1]
    seam_top, seam_low = mouth[1], layout.seam_lower[20, 1]
    for middle, thick in (
        ((top + seam_top) / 2, seam_top - top),
        ((low + seam_low) / 2, low - seam_low),
    ):
        relief += bump(mouth[0], middle, 0.5 * half, 0.4 * thick, 0.035)
    relief -= bump(0, top - 0.10, 0.025, 0.06, 0.02)
    chin_y = layout.chin_y
    relief -= bump(0, (low + chin_y) / 2 - 0.1, 0.30, 0.08, 0.08)
    relief += bump(0, chin_y - 0.18, 0.20, 0.15, face.chin)
    if rng is not None:
        relief += _unevenness(rng, face)
    _fold(relief, face, doing, layout)
    _lips(relief, layout)
    return _fade(relief, x, y)


def _unevenness(rng: np.random.Generator, face: Identity) -> np.ndarray:
    """Return bumps of muscles, bones and old skin, from coarse to fine."""
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    rough = rng.random() * (0.4 + 0.6 * face.age)
    for cells, height in ((4, 0.035), (9, 0.014), (22, 0.010 * rough)):
        noise = rng.standard_normal((cells * 3 // 2, cells), np.float32)
        total += np.float32(height) * cv2.resize(
            noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
        )
    return total


def _bell(at: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((at - middle) / width) ** 2)


def _nose(face: Identity, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the relief of the nose: bridge, tip and wings."""
    tip, out = face.nose_tip, face.nose_out
    knots = [-0.32, -0.12, 0.05, 0.5 * tip, tip - 0.1, tip + 0.03]
    rise = [
        0.0,
        0.35 * face.nose_bridge,
        face.nose_bridge,
        0.5 * (face.nose_bridge + 0.8 * out) + face.nose_hook,
        0.78 * out,
        0.76 * out,
    ]
    knots += [tip + 0.10, tip + 0.15, tip + 0.20, tip + 0.28]
    rise += [0.55 * out, 0.28 * out, 0.10 * out, 0.0]
    profile = np.interp(y[:, 0], knots, rise).astype(np.float32)
    profile = cv2.GaussianBlur(profile[:, None], (1, 13), 2.0)
    # The nose is narrow between the eyes and wide at the tip.
    broad = face.nose_width
    width = np.interp(
        y[:, 0], [0.0, 0.5 * tip, tip], [0.10, 0.115, 0.06 + 0.42 * broad]
    ).astype(np.float32)[:, None]
    nose = profile * np.exp(-((x / (1.45 * width)) ** 2))
    # A broad base joins the cheeks.
    nose += 0.20 * profile * np.exp(-0.5 * (x / (2.3 * width)) ** 2)
    # The tip and the wings are round; furrows separate them.
    ball = 0.05 + 0.27 * broad
    nose += (0.26 * out) * _bell(y, tip, 0.10) * _bell(x, 0, ball)
    foot = 0.85 * broad
    wings = _bell(x, -foot, 0.07) + _bell(x, foot, 0.07)
    nose += (0.40 * out) * _bell(y, tip + 0.05, 0.075) * wings
    edge = foot + 0.13
    furrow = _bell(x, -edge, 0.04) + _bell(x, edge, 0.04)
    nose -= (0.12 * out) * _bell(y, tip + 0.03, 0.08) * furrow
    return nose


def _fold(
    relief: np.ndarray, face: Identity, doing: Expression, layout: Layout
) -> None:
    """Add folds from the nose's wings around the mouth, in place."""
    depth = 0.006 + 0.03 * face.fold * face.age + 0.05 * max(doing.smile, 0)
    canvas = np.zeros(relief.shape, np.uint8)
    for side in (-1, 1):
        corner = layout.lip_upper[0 if side < 0 else -1]
        line = np.array(
            [
                (side * (face.nose_width + 0.05), face.nose_tip + 0.02),
                (side * (face.nose_width + 0.16), face.nose_tip + 0.18),
                (corner[0] + side * 0.13, corner[1] - 0.08),
                (corner[0] + side * 0.12, corner[1] + 0.10),
            ]
        )
        draw_line(canvas, line, 255, 2)
    fold = cv2.GaussianBlur(canvas, (0, 0), 3.0).astype(np.float32)
    relief -= fold * (depth * 2.5 / 255)


def _lips(relief: np.ndarray, layout: Layout) -> None:
    """Lower the relief between the lips, in place."""
    canvas = np.zeros(relief.shape, np.uint8)
    hole = np.concatenate((layout.seam_upper, layout.seam_lower[::-1]))
    fill(canvas, hole, 255)
    draw_line(canvas, layout.seam_upper, 255, 1)
    gap = cv2.GaussianBlur(canvas, (0, 0), 1.5).astype(np.float32)
    relief -= gap * (0.05 / 255)


def _fade(relief: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fade the relief to 0 before the borders of its map."""
    ramp = np.clip((1.38 - np.abs(x)) / 0.25, 0, 1)
    last = TOP + (HEIGHT - 1) / SCALE
    ramp = ramp * np.clip((last - 0.03 - y) / 0.25, 0, 1)
    return np.ascontiguousarray(relief * ramp, dtype=np.float32)


def fill(canvas: np.ndarray, points: np.ndarray, colour: int | tuple) -> None:
    """Fill a polygon of the face frame, in place.

    Positions are exact to 1/16 pixel.

    Args:
        canvas (np.ndarray): uint8, (HEIGHT, WIDTH) or with channels.
        points (np.ndarray): Corners, (N, 2).
        colour (int | tuple): Value of the pixels.
    """
    corners = np.round(to_pixels(points) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [corners], colour, cv2.LINE_AA, 4)


def draw_line(
    canvas: np.ndarray,
    points: np.ndarray,
    colour: int | tuple,
    thickness: int,
) -> None:
    """Draw an open line of the face frame, in place.

    Positions are exact to 1/16 pixel.

    Args:
        canvas (np.ndarray): uint8, (HEIGHT, WIDTH) or with channels.
        points (np.ndarray): Vertices, (N, 2).
        colour (int | tuple): Value of the pixels.
        thickness (int): In pixels.
    """
    corners = np.round(to_pixels(points) * 16).astype(np.int32)
    cv2.polylines(canvas, [corners], False, colour, thickness, cv2.LINE_AA, 4)
