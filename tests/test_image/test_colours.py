"""Colours of drawings and plots, seen with every kind of colour vision."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from rcn_mmpose.image.colours import (
    CURVES,
    OKABE_ITO,
    bgr,
    confidence_color,
    curve_style,
    rgb,
)
from rcn_mmpose.image.contact_sheet import PREDICTION, TRUTH

# Machado, Oliveira and Fernandes (2009), severity 1: from linear RGB to the linear
# RGB that looks the same to a person without one kind of cone.
VISION = dict(
    full=np.eye(3),
    no_red=np.array(
        [
            (0.152286, 1.052583, -0.204868),
            (0.114503, 0.786281, 0.099216),
            (-0.003882, -0.048116, 1.051998),
        ]
    ),
    no_green=np.array(
        [
            (0.367322, 0.860646, -0.227968),
            (0.280085, 0.672501, 0.047413),
            (-0.011820, 0.042940, 0.968881),
        ]
    ),
    no_blue=np.array(
        [
            (1.255528, -0.076749, -0.178779),
            (-0.078411, 0.930809, 0.147602),
            (0.004733, 0.691367, 0.303900),
        ]
    ),
)


def lab(color: tuple[int, ...], vision: str) -> np.ndarray:
    """Return CIE L*a*b* of an RGB colour as a kind of vision sees it."""
    linear = (np.array(color) / 255) ** 2.2
    seen = (VISION[vision] @ linear).clip(0, 1) ** (1 / 2.2)
    return cv2.cvtColor(seen.astype(np.float32).reshape(1, 1, 3), cv2.COLOR_RGB2LAB)


def apart(one: tuple[int, ...], two: tuple[int, ...], vision: str) -> float:
    """Return the distance of two RGB colours in L*a*b*; 10 is plain to see."""
    return float(np.linalg.norm(lab(one, vision) - lab(two, vision)))


@pytest.mark.parametrize('vision', VISION)
def test_marks_and_confidences_can_be_told_apart(vision: str) -> None:
    assert apart(TRUTH[::-1], PREDICTION[::-1], vision) > 40
    for one, two in combinations((0, 0.5, 1), 2):
        colors = [confidence_color(value)[::-1] for value in (one, two)]
        assert apart(*colors, vision) > 40


@pytest.mark.parametrize('vision', VISION)
def test_curves_can_be_told_apart(vision: str) -> None:
    names = [name for name, value in OKABE_ITO.items() if value in CURVES]
    for one, two in combinations(names, 2):
        assert apart(rgb(one), rgb(two), vision) > 10, (one, two)
    assert bgr('vermillion') == rgb('vermillion')[::-1] == (0, 94, 213)


def test_neighbouring_curves_also_differ_in_grey() -> None:
    styles = [curve_style(i) for i in range(28)]
    assert len({tuple(style.values()) for style in styles}) == 28
    for one, two in zip(styles, styles[1:], strict=False):
        assert one['linestyle'] != two['linestyle'] or one['color'] != two['color']
    assert styles[0] == dict(color=OKABE_ITO['blue'], linestyle='-')
    assert [style['linestyle'] for style in styles[:4]] == ['-', '--', ':', '-.']


def test_red_and_green_would_fail() -> None:
    """The limits of these tests find the usual faults."""
    assert apart((0, 255, 0), (255, 0, 0), 'no_green') < 40
    green, red = (44, 160, 44), (214, 39, 40)  # matplotlib's third and fourth
    assert apart(green, red, 'no_green') < 10
