"""Shoulders with a collar, drawn in 2D behind the head and over the neck."""

from typing import NamedTuple

import cv2
import numpy as np

from .background import random_colour
from .camera import Camera


class Clothes(NamedTuple):
    """Clothes below the head.

    Attributes:
        collar (float): Height of the collar, in eye distances below the chin.
        vee (float): Depth of the neckline at the front, in eye distances.
    """

    collar: float
    vee: float


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Draw a random neckline.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        Clothes: Anything from a roll-neck to a low neckline.
    """
    return Clothes(
        float(rng.uniform(0.15, 0.7)),
        float(max(0, rng.uniform(-0.5, 1.2))),
    )


def draw_shoulders(
    rng: np.random.Generator,
    canvas: np.ndarray,
    camera: Camera,
    chin_y: float,
    clothes: Clothes,
    skin: np.ndarray,
) -> None:
    """Draw the shoulders, in place.

    The shoulders follow the head's position but not its rotation.

    Args:
        rng (np.random.Generator): Random numbers.
        canvas (np.ndarray): BGR, (H, W, 3), float32.
        camera (Camera): The camera.
        chin_y (float): Height of the chin in the head's frame.
        clothes (Clothes): Neckline.
        skin (np.ndarray): BGR as lit, (3,).
    """
    size = len(canvas)
    neck = camera.project(np.array([[0.0, chin_y, -0.1]]))[0, :2]
    s = camera.scale
    tilt = rng.normal(0, 0.08)
    slope = rng.uniform(0.25, 0.6)
    reach = rng.uniform(1.9, 2.7)
    line = np.array(
        [
            (-reach, 0.6 + slope),
            (-reach * 0.8, 0.25 + slope),
            (-0.75, 0.15),
            (0.75, 0.15),
            (reach * 0.8, 0.25 + slope),
            (reach, 0.6 + slope),
            (reach, 9),
            (-reach, 9),
        ]
    )
    line[:, 1] += tilt * line[:, 0] + clothes.collar
    corners = np.round((line * s + neck) * 16).astype(np.int32)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    cloth = np.empty((size, size, 3), np.uint8)
    colour = skin if rng.random() < 0.08 else random_colour(rng)
    cloth[:] = colour
    if rng.random() < 0.35:
        for at in range(-size, 2 * size, int(rng.integers(3, 16))):
            a = (at, 0)
            b = (int(at + size * rng.choice((0, 0.6))), size)
            cv2.line(cloth, a, b, random_colour(rng), 1 + at % 3)
    if clothes.vee > 0.3 and rng.random() < 0.5:
        _jacket(rng, cloth, neck, s, clothes)
    noise: np.ndarray = rng.normal(0, rng.uniform(2, 14), (size // 3 + 1,) * 2)
    noise = cv2.resize(noise.astype(np.float32), (size, size))
    alpha = mask[..., None].astype(np.float32) / 255
    canvas += alpha * (cloth + noise[..., None] - canvas)


def _jacket(
    rng: np.random.Generator,
    cloth: np.ndarray,
    neck: np.ndarray,
    s: float,
    clothes: Clothes,
) -> None:
    """Draw a white collar and perhaps a tie on the cloth, in place."""
    base = neck + (0, (clothes.collar + 0.1) * s)

    def poly(points: list, colour: tuple) -> None:
        corners = np.array(points) * s + base
        cv2.fillPoly(cloth, [np.round(corners).astype(np.int32)], colour, cv2.LINE_AA)

    poly([(-0.8, -0.2), (0.8, -0.2), (0, 2.6)], (235, 235, 238))
    if rng.random() < 0.7:
        tie = random_colour(rng)
        poly([(-0.17, 0.4), (0.17, 0.4), (0.22, 3), (-0.22, 3)], tie)


def neck_cut(points: np.ndarray, chin_y: float, clothes: Clothes) -> np.ndarray:
    """Return where the neck is visible above the clothes.

    Args:
        points (np.ndarray): In the head's frame, (3, H, W).
        chin_y (float): Height of the chin.
        clothes (Clothes): Neckline.

    Returns:
        np.ndarray: 1 above the collar, 0 below, (H, W).
    """
    x, y, z = points
    low = chin_y + 0.22 + clothes.collar
    low = low + clothes.vee * np.clip(0.6 - np.abs(x), 0, 1) * (z > 0)
    return np.clip((low - y) * 20, 0, 1)
