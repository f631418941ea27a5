"""Colours that readers with every kind of colour vision can tell apart.

The palette is that of Okabe and Ito (Color Universal Design, 2008). Drawings in
images take BGR (:func:`bgr`), plots take the hexadecimal text. The module needs
NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

OKABE_ITO = dict(
    blue='#0072B2',
    vermillion='#D55E00',
    bluish_green='#009E73',
    reddish_purple='#CC79A7',
    orange='#E69F00',
    sky_blue='#56B4E9',
    black='#000000',
    yellow='#F0E442',
)
# Colours of curves on white, in the order of use. Yellow is too pale there.
CURVES = tuple(value for name, value in OKABE_ITO.items() if name != 'yellow')
LINE_STYLES = ('-', '--', ':', '-.')
# BGR at confidence 0, 1/2 and 1: red, yellow, cyan.
LOW_TO_HIGH = np.array([(0, 0, 255), (0, 255, 255), (255, 255, 0)], float)


def rgb(name: str) -> tuple[int, int, int]:
    """Return a colour of the palette as red, green, blue, each from 0 to 255."""
    red, green, blue = bytes.fromhex(OKABE_ITO[name][1:])
    return red, green, blue


def bgr(name: str) -> tuple[int, int, int]:
    """Return a colour of the palette in OpenCV's order."""
    red, green, blue = rgb(name)
    return blue, green, red


def confidence_color(confidence: float) -> tuple[int, int, int]:
    """Return red for a confidence of 0, yellow for 1/2, cyan for 1.

    Args:
        confidence (float): In [0, 1]; other values are clipped.

    Returns:
        tuple[int, int, int]: BGR.
    """
    ((blue, green, red),) = confidence_colors([confidence])
    return blue, green, red


def confidence_colors(confidence: Sequence[float] | np.ndarray) -> list[list[int]]:
    """Return the colour of each confidence as :func:`confidence_color` does."""
    places = 2 * np.clip(np.asarray(confidence, float), 0.0, 1.0)
    parts = [np.interp(places, (0, 1, 2), LOW_TO_HIGH[:, i]) for i in range(3)]
    return np.rint(np.stack(parts, -1)).astype(int).tolist()


def curve_style(number: int) -> dict[str, str]:
    """Return colour and line style of a curve for matplotlib.

    Neighbours differ in both, so that curves can be told apart in grey too.

    Args:
        number (int): Of the curve, from 0. The 28 first are different.
    """
    rounds, place = divmod(number, len(CURVES))
    style = LINE_STYLES[(place + rounds) % len(LINE_STYLES)]
    return dict(color=CURVES[place], linestyle=style)
