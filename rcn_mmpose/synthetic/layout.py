"""Positions of the facial features: lines of the face seen from the front.

All curves are (x, y) in the face frame, in eye distances. The keypoints and
the painted features use the same curves, so the keypoints are exact.
"""

from typing import NamedTuple

import numpy as np

from .parameters import Expression, Identity

# The 17 contour points: height between eyes (0) and chin (1), and azimuth
# around the head's axis in degrees. The upper points lie at the head's side,
# where the silhouette of a frontal face is.
_DROP = (1, 0.975, 0.905, 0.795, 0.655, 0.505, 0.35, 0.19, 0.02)
_AZIMUTH = (0, 21, 42, 58, 69, 76, 80, 83, 85)


class Layout(NamedTuple):
    """Feature lines of one face with its expression.

    Attributes:
        brows (tuple): Middle lines, outer to inner end at the image's left,
            inner to outer at its right; each (5, 2).
        lids (tuple): For each eye a pair of upper and lower lid lines, from
            the image's left to right, (25, 2) each.
        eyes (tuple): Six points of each eye, (6, 2).
        irises (np.ndarray): Centres, (2, 2).
        nose (np.ndarray): Bridge and base, (9, 2).
        lip_upper (np.ndarray): Outer rim from left to right, (41, 2).
        lip_lower (np.ndarray): Outer rim, (41, 2).
        seam_upper (np.ndarray): Inner rim, (41, 2).
        seam_lower (np.ndarray): Inner rim, (41, 2).
        chin_y (float): Height of the chin's lowest point.
        contour (np.ndarray): Height and azimuth in radians, (17, 2).
    """

    brows: tuple
    lids: tuple
    eyes: tuple
    irises: np.ndarray
    nose: np.ndarray
    lip_upper: np.ndarray
    lip_lower: np.ndarray
    seam_upper: np.ndarray
    seam_lower: np.ndarray
    chin_y: float
    contour: np.ndarray


def make_layout(face: Identity, doing: Expression) -> Layout:
    """Compute the feature lines of a face.

    Args:
        face (Identity): Shape of the face at rest.
        doing (Expression): Expression of the face.

    Returns:
        Layout: All lines.
    """
    chin = 1.86 * face.face_length + 0.62 * doing.open
    lids, eyes, irises = [], [], []
    for side, lid in ((-1, doing.lids[0]), (1, doing.lids[1])):
        upper, lower = _lid_lines(face, doing, side, lid)
        lids.append((upper, lower))
        # Samples 8 and 16 of 25 lie at a third and two thirds of the line.
        u, w = upper, lower
        eyes.append(np.array([u[0], u[8], u[16], u[24], w[16], w[8]]))
        room = 0.5 * face.eye_width - face.iris
        irises.append(
            (
                side * 0.5 + doing.gaze[0] * room,
                -0.2 * face.eye_upper + 0.05 * doing.gaze[1],
            )
        )
    drop = np.array(_DROP)
    both = np.concatenate((-np.arange(8, 0, -1), np.arange(9)))
    contour = np.stack(
        (
            drop[abs(both)] * chin,
            np.sign(both) * np.radians(_AZIMUTH)[abs(both)],
        ),
        1,
    )
    return Layout(
        brows=(_brow(face, doing, -1), _brow(face, doing, 1)),
        lids=tuple(lids),
        eyes=tuple(eyes),
        irises=np.array(irises),
        nose=_nose(face),
        **_lips(face, doing),
        chin_y=chin,
        contour=contour,
    )


def _lid_lines(face: Identity, doing: Expression, side: int, lid: float) -> tuple:
    """Return the upper and the lower lid of one eye, left to right."""
    s = np.linspace(-1, 1, 25)
    x = side * 0.5 + s * face.eye_width / 2
    # The outer corner is a little higher than the inner corner.
    base = -side * s * face.eye_tilt
    bulge = 1 - np.abs(s) ** 2.4
    # The upper lid's highest point lies towards the nose.
    bulge_up = bulge * (1 - 0.12 * side * s)
    squint = 0.35 * max(doing.smile, 0) * min(lid, 1)
    lower = base + bulge * face.eye_lower * (1 - squint)
    # A closed upper lid nearly reaches the lower lid.
    shut = base + bulge * face.eye_lower * 0.75
    upper = shut + lid * (base - bulge_up * face.eye_upper - shut)
    return np.stack((x, upper), 1), np.stack((x, lower), 1)


def _brow(face: Identity, doing: Expression, side: int) -> np.ndarray:
    """Return the middle line of one brow, left to right."""
    s = np.linspace(0, 1, 5)  # from the inner to the outer end
    x = face.brow_gap + s * face.brow_width
    y = -face.brow_height - doing.raise_brows * (0.6 + 0.4 * s)
    y = y - face.brow_arch * np.sin(np.pi * np.clip(s * 0.85, 0, 1)) ** 1.3
    y = y + 0.05 * s**3
    y = y + doing.frown * 0.08 * (1 - s) ** 2
    x = x - doing.frown * 0.03 * (1 - s)
    brow = np.stack((side * x, y), 1)
    return brow[::-1] if side < 0 else brow


def _nose(face: Identity) -> np.ndarray:
    """Return four points of the bridge, then five of the base.

    The last point of the bridge is the tip.
    """
    tip = face.nose_tip
    bridge = [(0.0, y) for y in np.linspace(0.02, tip, 4)]
    half = 0.82 * face.nose_width
    low = tip + 0.15
    base = [
        (-half, low - 0.025),
        (-0.5 * half, low + 0.005),
        (0.0, low + 0.02),
        (0.5 * half, low + 0.005),
        (half, low - 0.025),
    ]
    return np.array(bridge + base)


def _lips(face: Identity, doing: Expression) -> dict:
    """Return the four lines of the mouth, left to right."""
    s = np.linspace(-1, 1, 41)
    smile, gap = doing.smile, doing.open
    half = face.mouth_half * (
        1 + 0.24 * max(smile, 0) - 0.32 * doing.pucker - 0.25 * gap
    )
    # The mouth keeps room for an upper lip below the nose.
    mouth_y = max(face.mouth_y, face.nose_tip + 0.36) * (0.5 + 0.5 * face.face_length)
    x = s * half + 0.05 * doing.skew
    seam = mouth_y - 0.02 * smile - 0.13 * smile * s**2
    seam = seam + 0.05 * doing.skew * s * abs(smile)
    bulge = 1 - s**2
    seam_upper = seam - 0.20 * gap * bulge
    seam_lower = seam + (0.80 * gap + 0.02 * max(smile, 0)) * bulge**0.7
    if gap == 0:
        seam_lower = seam_upper
    thin = 1 - 0.35 * max(smile, 0) + 0.35 * doing.pucker
    rim = np.clip(bulge, 0, 1) ** 0.75
    bow = face.bow * (np.exp(-((s / 0.13) ** 2)) - 0.6 * rim)
    lip_upper = seam_upper - thin * face.lip_upper * rim + bow * rim
    lip_lower = seam_lower + thin * face.lip_lower * bulge**0.6

    lines = dict(
        lip_upper=lip_upper,
        lip_lower=lip_lower,
        seam_upper=seam_upper,
        seam_lower=seam_lower,
    )
    return {name: np.stack((x, y), 1) for name, y in lines.items()}


def flat_keypoints(layout: Layout) -> np.ndarray:
    """List the keypoints 17 to 67 (all but the contour), seen from the front.

    Args:
        layout (Layout): A face.

    Returns:
        np.ndarray: Positions (x, y) in the face frame, (51, 2).
    """
    top, low = layout.lip_upper, layout.lip_lower
    in_top, in_low = layout.seam_upper, layout.seam_lower
    outer = np.concatenate((top[[0, 8, 15, 20, 25, 32, 40]], low[[32, 25, 20, 15, 8]]))
    inner = np.concatenate((in_top[[3, 13, 20, 27, 37]], in_low[[27, 20, 13]]))
    return np.concatenate((*layout.brows, layout.nose, *layout.eyes, outer, inner))
