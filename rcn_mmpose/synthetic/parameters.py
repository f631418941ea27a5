"""Parameters of a face: identity and expression, as plain numbers.

Lengths are in eye distances (about 63 mm). The face frame has its origin on
the head's axis, between the ears, at the height of the eyes; x points to the
image's right, y down, z to the viewer. The proportions come from common
anatomical knowledge; no dataset was used.
"""

from dataclasses import dataclass

import numpy as np

from .streams import triangular

# Lowest and highest value of each parameter.
IDENTITY_RANGES = dict(
    head_width=(0.92, 1.12),
    jaw_width=(0.80, 1.22),
    chin_width=(0.80, 1.25),
    face_length=(0.92, 1.10),
    squareness=(0.10, 0.55),
    forehead=(0.94, 1.06),
    brow_ridge=(0.00, 0.11),
    socket=(0.12, 0.26),
    eye_width=(0.41, 0.54),
    eye_upper=(0.075, 0.125),
    eye_lower=(0.050, 0.080),
    eye_tilt=(-0.015, 0.035),
    lid_crease=(0.025, 0.075),
    iris=(0.088, 0.106),
    brow_height=(0.29, 0.46),
    brow_arch=(0.01, 0.12),
    brow_width=(0.58, 0.80),
    brow_gap=(0.13, 0.26),
    brow_thick=(0.030, 0.090),
    nose_tip=(0.56, 0.74),
    nose_out=(0.34, 0.56),
    nose_bridge=(0.08, 0.24),
    nose_width=(0.20, 0.35),
    nose_hook=(-0.05, 0.06),
    mouth_y=(1.00, 1.16),
    mouth_half=(0.32, 0.44),
    lip_upper=(0.055, 0.145),
    lip_lower=(0.085, 0.190),
    bow=(0.010, 0.035),
    cheek=(0.02, 0.12),
    chin=(0.04, 0.14),
    fold=(0.0, 1.0),
    ear_size=(0.85, 1.2),
    ear_out=(0.03, 0.16),
    age=(0.0, 1.0),
)


@dataclass
class Identity:
    """Shape of a face at rest, in eye distances unless stated otherwise.

    ``head_width``, ``jaw_width``, ``chin_width``, ``face_length``,
    ``forehead`` and ``ear_size`` are factors of an average head.
    ``squareness`` (0 to 1) describes the head's cross-section. ``fold`` and
    ``age`` (0 to 1) are the strength of folds and wrinkles.
    """

    head_width: float
    jaw_width: float
    chin_width: float
    face_length: float
    squareness: float
    forehead: float
    brow_ridge: float
    socket: float
    eye_width: float
    eye_upper: float
    eye_lower: float
    eye_tilt: float
    lid_crease: float
    iris: float
    brow_height: float
    brow_arch: float
    brow_width: float
    brow_gap: float
    brow_thick: float
    nose_tip: float
    nose_out: float
    nose_bridge: float
    nose_width: float
    nose_hook: float
    mouth_y: float
    mouth_half: float
    lip_upper: float
    lip_lower: float
    bow: float
    cheek: float
    chin: float
    fold: float
    ear_size: float
    ear_out: float
    age: float


@dataclass
class Expression:
    """Expression of a face.

    Attributes:
        smile (float): -0.5 (sad) to 1.
        open (float): Gap between the lips, 0 to 0.5 eye distances.
        pucker (float): 0 to 1; 1 is a narrow mouth.
        teeth (float): 0 (hidden) to 1.
        lids (tuple[float, float]): Opening of each eye, left first; 0 is
            closed, 1 at rest, 1.4 wide.
        raise_brows (float): -0.08 (frown) to 0.12 eye distances.
        frown (float): 0 to 1; the inner ends of the brows move down and in.
        gaze (tuple[float, float]): Direction of both eyes, right and down,
            -1 to 1.
        skew (float): -1 to 1; the mouth moves to one side.
    """

    smile: float = 0.0
    open: float = 0.0
    pucker: float = 0.0
    teeth: float = 0.0
    lids: tuple[float, float] = (1.0, 1.0)
    raise_brows: float = 0.0
    frown: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    skew: float = 0.0


def mean_identity() -> Identity:
    """Return the average face: the middle of all ranges.

    Returns:
        Identity: The face at rest.
    """
    return Identity(**{k: sum(v) / 2 for k, v in IDENTITY_RANGES.items()})


def draw_identity(rng: np.random.Generator) -> Identity:
    """Draw a random face; one in six is a child.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        Identity: The face at rest.
    """
    values = {k: triangular(rng, v) for k, v in IDENTITY_RANGES.items()}
    # The power makes young faces, whose skin is smooth, more likely.
    values['age'] = float(rng.random() ** 1.5)
    if rng.random() < 1 / 6:
        young = rng.uniform(0.4, 1)
        values['age'] = 0.0
        values['fold'] *= 1 - young
        values['brow_ridge'] *= 1 - young
        values['face_length'] -= 0.07 * young
        values['nose_tip'] -= 0.06 * young
        values['nose_out'] -= 0.07 * young
        values['nose_bridge'] *= 1 - 0.6 * young
        values['mouth_y'] -= 0.07 * young
        values['mouth_half'] -= 0.04 * young
        values['iris'] += 0.012 * young
        values['eye_upper'] += 0.012 * young
        values['cheek'] += 0.07 * young
        values['brow_thick'] *= 1 - 0.4 * young
        values['forehead'] += 0.03 * young
    return Identity(**values)


def draw_expression(rng: np.random.Generator) -> Expression:
    """Draw a random expression.

    About a third is at rest, a third smiles, the others are mixed.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        Expression: The expression.
    """
    kind = rng.choice(
        ['rest', 'smile', 'grin', 'talk', 'shout', 'pucker', 'sad'],
        p=[0.28, 0.16, 0.24, 0.16, 0.05, 0.05, 0.06],
    )
    smile, gap, pucker, teeth = rng.normal(0, 0.1), 0.0, 0.0, 0.0
    if kind == 'rest':
        gap = max(0.0, rng.normal(-0.01, 0.02))
    elif kind == 'smile':
        smile = rng.uniform(0.2, 0.8)
    elif kind == 'grin':
        smile, gap = rng.uniform(0.5, 1), rng.uniform(0.05, 0.22)
        teeth = rng.uniform(0.6, 1)
    elif kind == 'talk':
        smile, gap = rng.uniform(-0.2, 0.3), rng.uniform(0.03, 0.25)
        teeth = max(0.0, rng.uniform(-0.5, 1))
    elif kind == 'shout':
        smile, gap = rng.uniform(-0.2, 0.4), rng.uniform(0.25, 0.5)
        teeth = rng.uniform(0, 0.8)
    elif kind == 'pucker':
        pucker, gap = rng.uniform(0.3, 1), max(0.0, rng.normal(0, 0.04))
    else:
        smile = rng.uniform(-0.5, -0.1)
    lid = rng.normal(0.97, 0.13) - 0.28 * max(smile, 0) * rng.random()
    lids = np.full(2, lid) + rng.normal(0, 0.03, 2)
    if rng.random() < 0.09:
        lids *= rng.uniform(0, 0.5)
    elif rng.random() < 0.02:
        lids[rng.integers(2)] *= rng.uniform(0, 0.3)
    return Expression(
        smile=float(np.clip(smile, -0.5, 1)),
        open=float(gap),
        pucker=float(pucker),
        teeth=float(teeth),
        lids=tuple(np.clip(lids, 0, 1.4).tolist()),
        raise_brows=float(np.clip(rng.normal(0, 0.035), -0.08, 0.12)),
        frown=float(np.clip(rng.normal(-0.2, 0.4), 0, 1)),
        gaze=tuple(np.clip(rng.normal(0, (0.4, 0.2)), -1, 1).tolist()),
        skew=float(np.clip(rng.normal(0, 0.25), -1, 1)),
    )
