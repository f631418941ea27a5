"""Hair, hats and scarves: a cover above a line around the head."""

from typing import NamedTuple

import numpy as np

# The line is a table over the bearing: 0 at the front, +-1 at the ears,
# +-2 at the back.
COLUMNS = 1024
BEARING = np.linspace(-2, 2, COLUMNS)
OFF = -9.0  # height of a line that covers nothing
# Rows of the streaks' table, and rows per eye distance.
ROWS, _DENSITY = 192, 32


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
        wave (tuple[float, float]): Waves of the strands: amplitude in
            columns, wavelength in eye distances.
        rim (float): Height of a hat's rim. The cover is a hat above the rim
            and hair below it.
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
        """Return how far each point is covered.

        Args:
            x (np.ndarray): Positions in the head's frame, any shape, float32.
            y (np.ndarray): As x.
            z (np.ndarray): As x.

        Returns:
            np.ndarray: 0 to 1, same shape.
        """
        column = bearing_column(x, z)
        return np.clip(
            (self.line[column] - y) * np.float32(1 / self.soft) + np.float32(0.5),
            0,
            1,
        )

    def tone(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the colours of hair and hat.

        Args:
            x (np.ndarray): Positions in the head's frame, (H, W), float32.
            y (np.ndarray): As x.
            z (np.ndarray): As x.

        Returns:
            np.ndarray: BGR, 0 to 255 and above, (H, W, 3).
        """
        streak = self._brightness(x, y, z)[..., None]
        hair = self.hair_colour.astype(np.float32) * streak
        if self.rim == OFF:
            return hair
        cloth = self.colour.astype(np.float32) * (0.7 + 0.3 * streak)
        hat = np.clip((np.float32(self.rim + 0.03) - y) * 25, 0, 1)[..., None]
        return hair + hat * (cloth - hair)

    def _brightness(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Look up the brightness of the strands, factors around 1."""
        swing, length = self.wave
        column = bearing_column(x, z) // 2
        if swing:
            phase = y * np.float32(2 * np.pi / length)
            column = column + (np.float32(swing) * np.sin(phase)).astype(int)
        row = ((y + 2.0) * _DENSITY).astype(np.int32)
        return self.streaks[row % ROWS, column % (COLUMNS // 2)]

    def tables(self, y: np.ndarray, width: np.ndarray, depth: np.ndarray) -> tuple:
        """Return the half-width and the half-depth of the covered head.

        Args:
            y (np.ndarray): Heights, (N,).
            width (np.ndarray): Of the bare head, (N,).
            depth (np.ndarray): Of the bare head, (N,).

        Returns:
            tuple[np.ndarray, np.ndarray]: Two tables (N,), float32.
        """
        top = y[int(np.argmax(width > 0.05))]
        middle = int(np.searchsorted(y, -0.4))
        # The same dome as the bare head's, higher by the cover's thickness.
        rise = np.clip((y + 0.4) / (top - self.volume + 0.4), 0, 1)
        dome = np.sqrt(np.maximum(1 - rise**2.3, 1e-4))
        wide = (width[middle] + self.volume) * dome
        deep = (depth[middle] + self.volume) * dome
        low = y > -0.4
        wide[low] = width[low] + self.volume
        deep[low] = depth[low] + self.volume
        if not self.fullness:
            # Short hair lies close to the neck.
            close = np.clip((y - 0.1) / 0.6, 0, 1) * (self.volume - 0.03)
            wide, deep = wide - close, deep - close
        if self.fullness:
            hang = np.clip((y - 0.0) / 1.0, 0, 1)
            full = wide[middle] + hang * (self.fullness - wide[middle])
            wide = np.where(y > 0, np.maximum(wide, full), wide)
            deep = np.where(y > 0, np.maximum(deep, 1.0), deep)
        return wide.astype(np.float32), deep.astype(np.float32)


def bearing_column(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the column of the table for a direction.

    Args:
        x (np.ndarray): Positions, any shape.
        z (np.ndarray): As x.

    Returns:
        np.ndarray: int32, same shape, 0 to 1023.
    """
    wide = np.abs(x)
    p = wide / (wide + np.abs(z) + np.float32(1e-6))
    p = np.where(z < 0, 2 - p, p)
    column = np.copysign(p, x) * np.float32((COLUMNS - 1) / 4)
    return (column + np.float32((COLUMNS - 1) / 2)).astype(np.int32)


def no_cover(hair: np.ndarray | None = None) -> Cover:
    """Return an empty cover: a bald head without a hat.

    Args:
        hair (np.ndarray, optional): BGR of the brows, (3,).

    Returns:
        Cover: The empty cover.
    """
    hair = np.array([35, 55, 85.0]) if hair is None else hair
    return Cover(
        'bald',
        np.full(COLUMNS, OFF, np.float32),
        0.05,
        0.0,
        0.0,
        hair,
        hair,
        np.ones((ROWS, COLUMNS // 2), np.float32),
        (0.0, 1.0),
        OFF,
        0.0,
    )
