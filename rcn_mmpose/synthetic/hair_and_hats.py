"""Random hair, hats and scarves."""

import cv2
import numpy as np

from .cover import BEARING, COLUMNS, OFF, ROWS, Cover
from .streams import triangular


def draw_cover(rng: np.random.Generator, skin: np.ndarray, age: float) -> Cover:
    """Draw random hair or a random hat.

    Args:
        rng (np.random.Generator): Random numbers.
        skin (np.ndarray): BGR of the skin; dark skin goes with dark hair.
        age (float): 0 to 1; old people are grey and bald more often.

    Returns:
        Cover: Hair or hat.
    """
    hair = _hair_colour(rng, skin, age)
    kind = str(
        rng.choice(
            ['bald', 'short', 'long', 'cap', 'beanie', 'scarf'],
            p=[0.05, 0.42, 0.38, 0.06, 0.05, 0.04],
        )
    )
    side = np.abs(BEARING)
    colour, rim, brim, fullness = hair, OFF, 0.0, 0.0
    volume = rng.uniform(0.06, 0.28)
    soft = rng.uniform(0.03, 0.10)
    if kind in ('short', 'long', 'bald'):
        line = _front_line(rng, age)
    if kind == 'bald':
        # Some hair remains above the ears.
        line[side < rng.uniform(0.6, 1.0)] = OFF
        volume = rng.uniform(0.02, 0.08)
        if rng.random() < 0.4:
            line[:] = OFF
    elif kind == 'short':
        burn = rng.uniform(-0.1, 0.7)
        line = np.where(side > 0.62, np.maximum(line, burn), line)
        line = np.where(side > 0.85, rng.uniform(-0.1, 0.15), line)
        line = np.where(side > 1.15, rng.uniform(0.5, 1.2), line)
        if rng.random() < 0.12:
            volume = rng.uniform(0.35, 0.7)  # curls
    elif kind == 'long':
        line = _hanging(rng, line)
        fullness = rng.uniform(1.15, 1.65)
    else:
        colour = rng.uniform(10, 250, 3)
        if rng.random() < 0.5:
            colour = np.full(3, rng.uniform(10, 240))
        rim = rng.uniform(-0.85, -0.45)
        line = np.full(COLUMNS, rim) + 0.05 * np.minimum(side, 1)
        volume = rng.uniform(0.08, 0.22)
        soft = 0.02
        if kind == 'cap':
            brim = rng.uniform(0.5, 0.95)
        if kind == 'scarf':
            line = np.where(side > rng.uniform(0.5, 0.8), 4.4, line)
            fullness = rng.uniform(1.15, 1.4)
            rim = 9.0
        elif rng.random() < 0.4:
            line = _hanging(rng, line)
            fullness = rng.uniform(1.15, 1.5)
        else:
            burn = rng.uniform(-0.4, 0.5)
            line = np.where(side > 0.62, np.maximum(line, burn), line)
            line = np.where(side > 0.85, rim + 0.5 * rng.random(), line)
            line = np.where(side > 1.15, rng.uniform(0.3, 1.0), line)
    if kind not in ('cap', 'beanie', 'scarf'):
        line = line + _ragged(rng) * rng.uniform(0.01, 0.07)
    return Cover(
        kind=kind,
        line=line.astype(np.float32),
        soft=float(soft),
        volume=float(volume),
        fullness=float(fullness),
        colour=colour,
        hair_colour=hair,
        streaks=_streaks(rng, kind),
        wave=(max(0.0, rng.uniform(-10, 14)), rng.uniform(0.3, 1.5)),
        rim=float(rim),
        brim=float(brim),
    )


def _hanging(rng: np.random.Generator, line: np.ndarray) -> np.ndarray:
    """Let hair hang down beside the face; each side has its own length."""
    for sign in (-1, 1):
        opening = rng.uniform(0.50, 0.95)
        if rng.random() < 0.15:
            opening = rng.uniform(0.30, 0.50)  # over the cheek
        if rng.random() < 0.2:
            opening = rng.uniform(1.0, 1.3)  # behind the ear
        there = (BEARING * sign >= 0) & (np.abs(BEARING) > opening)
        line = np.where(there, rng.uniform(0.9, 4.4), line)
    return line


def _front_line(rng: np.random.Generator, age: float) -> np.ndarray:
    """Return a hairline from temple to temple, perhaps with a fringe."""
    side = np.abs(BEARING)
    high = triangular(rng, (-1.25, -0.85)) - 0.25 * age * rng.random()
    temple = rng.uniform(0.45, 0.62)
    recede = rng.uniform(0, 0.25) + 0.2 * age
    line = high - recede * np.exp(-(((side - 0.33) / 0.12) ** 2))
    line = np.where(side > temple, -0.35, line)
    if rng.random() < 0.38:
        # The fringe falls from a parting to one or both sides.
        part = rng.uniform(-0.7, 0.7)
        low = rng.uniform(-0.75, -0.15)
        if rng.random() < 0.12:
            low = rng.uniform(-0.1, 0.4)
        fall = np.clip(np.abs(BEARING - part) / rng.uniform(0.1, 0.6), 0, 1)
        if rng.random() < 0.5:
            fall = fall * (BEARING * rng.choice((-1, 1)) > -0.2)
        fringe = high + (low - high) * fall
        line = np.where(side < 0.75, np.maximum(line, fringe), line)
    return line


def _ragged(rng: np.random.Generator) -> np.ndarray:
    """Return noise of two widths along the line, for the ends of strands."""
    fine = rng.normal(size=COLUMNS)
    coarse = np.interp(
        np.arange(COLUMNS),
        np.arange(0, COLUMNS + 16, 16),
        rng.normal(size=COLUMNS // 16 + 1),
    )
    return 0.7 * np.convolve(fine, np.ones(4) / 2, 'same') + coarse


def _streaks(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Return the brightness of strands, curls or cloth."""
    noise = rng.standard_normal((ROWS, COLUMNS // 2), np.float32)
    if kind in ('cap', 'beanie', 'scarf'):
        wide, high = rng.uniform(0.5, 8, 2)
        strength = rng.uniform(0.02, 0.35)
    elif rng.random() < 0.2:
        wide = rng.uniform(1.5, 5)  # curls
        high = wide * rng.uniform(0.6, 1.2)
        strength = rng.uniform(0.2, 0.6)
    else:
        wide, high = rng.uniform(0.7, 3.5), rng.uniform(8, 30)
        strength = rng.uniform(0.08, 0.5)
    smooth: np.ndarray = cv2.GaussianBlur(
        noise, (0, 0), wide, sigmaY=high, borderType=cv2.BORDER_REFLECT
    )
    smooth /= smooth.std() + 1e-6
    return np.exp(strength * smooth - strength**2 / 2).astype(np.float32)


def _hair_colour(rng: np.random.Generator, skin: np.ndarray, age: float) -> np.ndarray:
    """Return a BGR colour: black, brown, red, blond or grey."""
    dark_skin = skin.mean() < 110
    black = np.array([18, 20, 24.0])
    brown = np.array([35, 55, 85.0])
    red = np.array([40, 75, 150.0])
    blond = np.array([110, 165, 205.0])
    palette = [black, brown, red, blond]
    chance = [0.85, 0.15, 0, 0] if dark_skin else [0.32, 0.34, 0.10, 0.24]
    colour = palette[rng.choice(4, p=chance)] * rng.uniform(0.7, 1.35)
    grey = np.clip(rng.normal(1.6 * age - 0.8, 0.25), 0, 1)
    colour = colour + grey * (rng.uniform(110, 225) - colour)
    return np.clip(colour, 4, 240)
