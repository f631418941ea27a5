"""Light on the head: ambient, two lamps, shadows, reflections."""

from typing import NamedTuple

import cv2
import numpy as np

from .cover import Cover
from .head import Head
from .look import Look
from .relief import LEFT, SCALE, TOP
from .tracing import Surface, shadow

# Depth behind the surface, in eye distances, at which the cover is looked up.
_BEHIND = 0.04


class Lamp(NamedTuple):
    """A distant light.

    Attributes:
        towards (np.ndarray): Unit vector to the light, camera frame, (3,).
        colour (np.ndarray): BGR intensity, (3,).
        softness (float): 0 for a point, 1 for a wide window.
        shadow (bool): Whether the lamp casts shadows.
    """

    towards: np.ndarray
    colour: np.ndarray
    softness: float
    shadow: bool


class Light(NamedTuple):
    """All light of a scene.

    Attributes:
        ambient (np.ndarray): BGR intensity, (3,).
        sky (float): How much more ambient light comes from above than from
            below, 0 to 1.
        lamps (list[Lamp]): Zero or more lamps.
        level (float): Target brightness of the head, 0 to 1.
    """

    ambient: np.ndarray
    sky: float
    lamps: list[Lamp]
    level: float


def draw_light(rng: np.random.Generator) -> Light:
    """Draw random light: even, front, side, top, back, below or two lamps.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        Light: The light of a scene.
    """
    kind = rng.choice(
        ['even', 'front', 'side', 'top', 'back', 'below', 'two'],
        p=[0.16, 0.28, 0.22, 0.12, 0.06, 0.03, 0.13],
    )
    spans = dict(
        even=(0.6, 0.2, 0.35),
        front=(0.45, 0.25, 1.0),
        side=(1.15, 0.3, 1.2),
        top=(0.5, 0.9, 1.1),
        back=(2.3, 0.3, 1.3),
        below=(0.5, -0.6, 0.9),
        two=(1.0, 0.3, 0.9),
    )
    turn, high, power = spans[kind]
    turn = rng.choice((-1, 1)) * abs(rng.normal(turn, 0.35))
    high = rng.normal(high, 0.25)
    ambient = rng.uniform(0.08, 0.5) + (kind == 'even') * 0.4
    lamps = [_lamp(rng, turn, high, power * rng.uniform(0.6, 1.4))]
    if kind == 'two' or rng.random() < 0.25:
        other = -np.sign(turn) * abs(rng.normal(1.2, 0.5))
        lamps.append(_lamp(rng, other, rng.normal(0.2, 0.3), rng.uniform(0.2, 0.9)))
    tint = np.exp(rng.normal(0, 0.08, 3))
    return Light(
        ambient=ambient * tint,
        sky=rng.uniform(0, 0.7),
        lamps=lamps,
        level=float(np.clip(rng.normal(0.47, 0.13), 0.15, 0.85)),
    )


def _lamp(rng: np.random.Generator, turn: float, high: float, power: float) -> Lamp:
    towards = np.array(
        [
            np.sin(turn) * np.cos(high),
            -np.sin(high),
            np.cos(turn) * np.cos(high),
        ]
    )
    return Lamp(
        towards=towards,
        colour=power * np.exp(rng.normal(0, 0.10, 3)),
        softness=rng.uniform(0.05, 0.8),
        shadow=True,
    )


def shade(
    head: Head,
    surface: Surface,
    rotation: np.ndarray,
    painted: np.ndarray,
    look: Look,
    cover: Cover,
    light: Light,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the colours of the lit head.

    Args:
        head (Head): Shape.
        surface (Surface): Visible points.
        rotation (np.ndarray): From the head's to the camera's frame, (3, 3).
        painted (np.ndarray): The face's reflectances.
        look (Look): Skin colour and shine.
        cover (Cover): Hair or hat.
        light (Light): All light.

    Returns:
        tuple[np.ndarray, np.ndarray]: BGR, 0 to 255 and above, (H, W, 3), and
        the share of hair or hat in each pixel, 0 to 1, (H, W).
    """
    x, y, z = surface.points
    at = (
        (x - np.float32(LEFT)) * np.float32(SCALE),
        (y - np.float32(TOP)) * np.float32(SCALE),
    )
    albedo = cv2.remap(
        painted,
        *at,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=tuple(look.skin.tolist()),
    ).astype(np.float32)
    front = np.clip(z * np.float32(4), 0, 1)[..., None]
    albedo = look.skin.astype(np.float32) + front * (
        albedo - look.skin.astype(np.float32)
    )
    # At the cover's edge the traced point may lie just in front of the edge.
    deeper = surface.points - (_BEHIND * rotation[2]).astype(np.float32)[:, None, None]
    covered = cover.mask(*deeper)
    albedo += covered[..., None] * (cover.tone(*deeper) - albedo)
    # The square approximates the gamma curve of displays.
    albedo = (albedo * np.float32(1 / 255)) ** 2

    normals = _settle(surface.normals, covered)
    open_sky = _openness(head, at, y)
    up = -normals[1]
    glow = (1 + light.sky * up) * open_sky
    total = glow[..., None] * light.ambient.astype(np.float32)
    gloss = np.zeros_like(glow)
    for lamp in light.lamps:
        towards = lamp.towards.astype(np.float32)
        facing = np.tensordot(towards, normals, (0, 0))
        wrap = np.float32(0.12 + 0.3 * lamp.softness)
        lit = np.clip((facing + wrap) / (1 + wrap), 0, 1)
        if lamp.shadow and towards[2] > -0.5:
            inside = rotation.T @ lamp.towards
            reach = shadow(head, surface, inside, 0.06 + 0.2 * lamp.softness)
            lit = lit * (1 - (0.95 - 0.4 * lamp.softness) * (1 - reach))
        total += lit[..., None] * lamp.colour.astype(np.float32)
        half = lamp.towards + (0, 0, 1)
        half = (half / (np.linalg.norm(half) + 1e-6)).astype(np.float32)
        shine = np.clip(np.tensordot(half, normals, (0, 0)), 0, 1)
        shine *= shine
        shine *= shine
        shine *= shine
        gloss += shine * shine * lit * np.float32(lamp.colour.mean())
    colour = albedo * total
    strength = look.shine * (1 - 0.7 * covered)
    colour += (np.float32(0.07) * strength * gloss)[..., None]
    return colour, covered


def expose(colour: np.ndarray, weight: np.ndarray, level: float) -> np.ndarray:
    """Turn linear light into pixel values; set the brightness of the head.

    Args:
        colour (np.ndarray): Linear light, (H, W, 3).
        weight (np.ndarray): Weight of each pixel in the mean brightness,
            (H, W).
        level (float): Target brightness, 0 to 1.

    Returns:
        np.ndarray: 0 to 255, not yet clipped, (H, W, 3), float32.
    """
    total = float(weight.sum()) + 1e-6
    mean = float((np.sqrt(colour.mean(2)) * weight).sum()) / total
    gain = 255 * level / max(mean, 1e-3)
    # Compress the highlights instead of clipping them.
    grey = np.sqrt(colour) * np.float32(gain)
    over = np.maximum(grey - np.float32(200), 0)
    return grey - over + over / (1 + over / 110)


def _settle(normals: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Smooth the normals of the hair, whose edges are rough."""
    smooth = np.stack([cv2.GaussianBlur(n, (0, 0), 1.5) for n in normals])
    return normals + covered * (smooth - normals)


def _openness(head: Head, at: tuple, y: np.ndarray) -> np.ndarray:
    """Return the share of the sky that a point sees; hollows are darker."""
    relief = head.relief
    hollow = cv2.GaussianBlur(relief, (0, 0), 9.0) - relief
    hollow += 0.6 * (cv2.GaussianBlur(relief, (0, 0), 3.5) - relief)
    hollow = np.clip(1 - 4.5 * hollow, 0.35, 1.15)
    column, row = at
    seen = cv2.remap(
        hollow, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    below = np.clip((y - np.float32(head.layout.chin_y)) * 5, 0, 1)
    return seen * (1 - np.float32(0.5) * below)
