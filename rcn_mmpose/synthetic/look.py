"""Colours, beard and make-up of a face."""

from typing import NamedTuple

import numpy as np


class Look(NamedTuple):
    """Colours and surface of a face.

    Attributes:
        skin (np.ndarray): BGR, 0 to 255, (3,).
        hair (np.ndarray): BGR of brows and beard, (3,).
        lips (np.ndarray): BGR, (3,).
        iris (np.ndarray): BGR, (3,).
        brow (float): Opacity of the brows, 0 to 1.
        stubble (float): Darkness of a shaved beard, 0 to 1.
        beard (str): ``''``, ``'full'``, ``'goatee'`` or ``'moustache'``.
        make_up (float): Dark lashes and lids, 0 to 1.
        spots (float): Unevenness of the skin, 0 to 1.
        shine (float): Strength of reflections, 0 to 2.5.
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
        rng (np.random.Generator): Random numbers.

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
        rng (np.random.Generator): Random numbers.
        skin (np.ndarray): BGR, (3,).
        hair (np.ndarray): BGR, (3,).
        child (bool): Whether the face has neither beard nor make-up.

    Returns:
        Look: Colours and surface of the face.
    """
    male = rng.random() < 0.5
    beard, stubble, make_up = '', 0.0, 0.0
    if male and not child:
        beard = str(
            rng.choice(['', 'full', 'goatee', 'moustache'], p=[0.6, 0.2, 0.1, 0.1])
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
        shine=float(rng.random() ** 2.5 * 2.5),
    )
