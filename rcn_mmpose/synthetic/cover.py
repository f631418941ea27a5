"""Hair, hats and scarves: what lies above a line around the head."""

from typing import NamedTuple

import cv2
import numpy as np

from .streams import triangular

# the line is a table over the bearing: 0 at the front, +-1 at the ears,
# +-2 at the back
_N = 1024
BEARING = np.linspace(-2, 2, _N)
_OFF = -9.0
# rows of the streaks, and rows per eye distance
_ROWS, _DENSITY = 192, 32


class Cover(NamedTuple):
    """Hair or another cover of the head.

    Attributes:
        kind (str): ``'bald'``, ``'short'``, ``'long'``, ``'cap'``,
            ``'beanie'`` or ``'scarf'``.
        line (np.ndarray): Lowest covered y at each bearing, (1024,), float32.
        soft (float): Width of the edge in eye distances.
        volume (float): Thickness in eye distances.
        fullness (float): Half-width of long hair below the ears.
        colour (np.ndarray): BGR, 0 to 255, (3,).
        hair_colour (np.ndarray): BGR of the hair, also under a hat, (3,).
        streaks (np.ndarray): Brightness factors over bearing and height,
            (192, 512), float32.
        wave (tuple[float, float]): Sideways swing of the strands in columns,
            and its length in eye distances.
        rim (float): Height down to which the cover is a hat; below it is
            hair.
        brim (float): Length of a cap's brim, 0 for none.
    """

    kind: str
    line: np.ndarray
    soft: float
    volume: float
    fullness: float
    colour: np.ndarray
    hair_colour: np.ndarray
    streaks: np.ndarray
    wave: tuple[float, float]
    rim: float
    brim: float

    def mask(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Tell what is covered.

        Args:
            x (np.ndarray): Positions in the head's frame, any shape, float32.
            y (np.ndarray): As x.
            z (np.ndarray): As x.

        Returns:
            np.ndarray: 0 to 1, same shape.
        """
        column = bearing_column(x, z)
        return np.clip(
            (self.line[column] - y) * np.float32(1 / self.soft)
            + np.float32(0.5),
            0,
            1,
        )

    def tone(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Give the colours of hair and hat.

        Args:
            x (np.ndarray): Positions in the head's frame, (H, W), float32.
            y (np.ndarray): As x.
            z (np.ndarray): As x.

        Returns:
            np.ndarray: BGR, 0 to 255 and above, (H, W, 3).
        """
        streak = self._brightness(x, y, z)[..., None]
        hair = self.hair_colour.astype(np.float32) * streak
        if self.rim == _OFF:
            return hair
        cloth = self.colour.astype(np.float32) * (0.7 + 0.3 * streak)
        hat = np.clip((np.float32(self.rim + 0.03) - y) * 25, 0, 1)[..., None]
        return hair + hat * (cloth - hair)

    def _brightness(
        self, x: np.ndarray, y: np.ndarray, z: np.ndarray
    ) -> np.ndarray:
        """Look the strands' brightness up, factors around 1."""
        swing, length = self.wave
        column = bearing_column(x, z) // 2
        if swing:
            phase = y * np.float32(2 * np.pi / length)
            column = column + (np.float32(swing) * np.sin(phase)).astype(int)
        row = ((y + 2.0) * _DENSITY).astype(np.int32)
        return self.streaks[row % _ROWS, column % (_N // 2)]

    def tables(
        self, y: np.ndarray, width: np.ndarray, depth: np.ndarray
    ) -> tuple:
        """Half-width and half-depth of the covered head.

        Args:
            y (np.ndarray): Heights, (N,).
            width (np.ndarray): Of the bare head, (N,).
            depth (np.ndarray): Of the bare head, (N,).

        Returns:
            tuple[np.ndarray, np.ndarray]: Two tables (N,), float32.
        """
        top = y[int(np.argmax(width > 0.05))]
        middle = int(np.searchsorted(y, -0.4))
        # the dome again, a thickness higher
        rise = np.clip((y + 0.4) / (top - self.volume + 0.4), 0, 1)
        dome = np.sqrt(np.maximum(1 - rise**2.3, 1e-4))
        wide = (width[middle] + self.volume) * dome
        deep = (depth[middle] + self.volume) * dome
        low = y > -0.4
        wide[low] = width[low] + self.volume
        deep[low] = depth[low] + self.volume
        if not self.fullness:
            # short hair lies close to the neck
            close = np.clip((y - 0.1) / 0.6, 0, 1) * (self.volume - 0.03)
            wide, deep = wide - close, deep - close
        if self.fullness:
            hang = np.clip((y - 0.0) / 1.0, 0, 1)
            full = wide[middle] + hang * (self.fullness - wide[middle])
            wide = np.where(y > 0, np.maximum(wide, full), wide)
            deep = np.where(y > 0, np.maximum(deep, 1.0), deep)
        return wide.astype(np.float32), deep.astype(np.float32)


def bearing_column(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Find the column of the table that a direction falls into.

    Args:
        x (np.ndarray): Positions, any shape.
        z (np.ndarray): As x.

    Returns:
        np.ndarray: int32, same shape, 0 to 1023.
    """
    wide = np.abs(x)
    p = wide / (wide + np.abs(z) + np.float32(1e-6))
    p = np.where(z < 0, 2 - p, p)
    column = np.copysign(p, x) * np.float32((_N - 1) / 4)
    return (column + np.float32((_N - 1) / 2)).astype(np.int32)


def draw_cover(
    rng: np.random.Generator, skin: np.ndarray, age: float
) -> Cover:
    """Draw hair or a hat.

    Args:
        rng (np.random.Generator): Source.
        skin (np.ndarray): BGR of the skin, to which dark hair belongs.
        age (float): 0 to 1; the old are grey and bald more often.

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
    colour, rim, brim, fullness = hair, _OFF, 0.0, 0.0
    volume = rng.uniform(0.06, 0.28)
    soft = rng.uniform(0.03, 0.10)
    if kind in ('short', 'long', 'bald'):
        line = _front_line(rng, age)
    if kind == 'bald':
        # some hair above the ears is left
        line[side < rng.uniform(0.6, 1.0)] = _OFF
        volume = rng.uniform(0.02, 0.08)
        if rng.random() < 0.4:
            line[:] = _OFF
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
        line = np.full(_N, rim) + 0.05 * np.minimum(side, 1)
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
    """Let hair hang down beside the face, on each side another length."""
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
    """Hairline from temple to temple, perhaps with a fringe."""
    side = np.abs(BEARING)
    high = triangular(rng, (-1.25, -0.85)) - 0.25 * age * rng.random()
    temple = rng.uniform(0.45, 0.62)
    recede = rng.uniform(0, 0.25) + 0.2 * age
    line = high - recede * np.exp(-(((side - 0.33) / 0.12) ** 2))
    line = np.where(side > temple, -0.35, line)
    if rng.random() < 0.38:
        # a fringe falls from a parting to one or both sides
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
    """Strands: noise of two widths along the line."""
    fine = rng.normal(size=_N)
    coarse = np.interp(
        np.arange(_N), np.arange(0, _N + 16, 16), rng.normal(size=_N // 16 + 1)
    )
    return 0.7 * np.convolve(fine, np.ones(4) / 2, 'same') + coarse


def _streaks(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Brightness of strands, curls or cloth."""
    noise = rng.standard_normal((_ROWS, _N // 2), np.float32)
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
    smooth = cv2.GaussianBlur(
        noise, (0, 0), wide, sigmaY=high, borderType=cv2.BORDER_REFLECT
    )
    smooth /= smooth.std() + 1e-6
    return np.exp(strength * smooth - strength**2 / 2).astype(np.float32)


def _hair_colour(
    rng: np.random.Generator, skin: np.ndarray, age: float
) -> np.ndarray:
    """BGR from black over brown, red and blond to grey."""
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


def no_cover(hair: np.ndarray | None = None) -> Cover:
    """Make a bald head without anything.

    Args:
        hair (np.ndarray, optional): BGR of the brows, (3,).

    Returns:
        Cover: Covers nothing.
    """
    hair = np.array([35, 55, 85.0]) if hair is None else hair
    return Cover(
        'bald',
        np.full(_N, _OFF, np.float32),
        0.05,
        0.0,
        0.0,
        hair,
        hair,
        np.ones((_ROWS, _N // 2), np.float32),
        (0.0, 1.0),
        _OFF,
        0.0,
    )
