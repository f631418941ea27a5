"""Synthetic occluders in front of real faces, for data augmentation."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..geometry.keypoints import five_from_68
from ..image.crop import to_grey
from .occluders import Around, draw_occluders
from .render import render_face

# A keypoint is hidden where this share of its pixel is covered, as in the
# synthetic faces.
HIDDEN = 0.5


def paste_object(
    random: np.random.Generator, crop: np.ndarray, keypoints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one or two occluders in front of a face: a hand, a phone, hair.

    The 68 keypoints define where occluders may be. For five keypoints, the 68
    of an average face are rotated, scaled and moved onto the five.

    Args:
        random (np.random.Generator): Random numbers.
        crop (np.ndarray): uint8, square: (S, S) grey or (S, S, 3) BGR.
        keypoints (np.ndarray): In pixels of the crop, MTFL's five or 300W's
            68, (K, 2).

    Returns:
        tuple[np.ndarray, np.ndarray]: The image with the occluders, uint8 of
        the crop's shape; and which keypoints they cover, bool (K,), False for
        keypoints outside the crop.

    Raises:
        ValueError: If the crop is not square, or K is neither 5 nor 68.
    """
    size = len(crop)
    if crop.shape[1] != size or len(keypoints) not in (5, 68):
        raise ValueError(
            f'crop of shape {crop.shape} with {len(keypoints)} keypoints; '
            'give a square one with 5 or 68.'
        )
    anchors, unit = _around(keypoints)
    grey = crop.ndim == 2
    canvas = np.repeat(crop[..., None], 3, -1) if grey else crop
    canvas = canvas.astype(np.float32)
    middle = anchors[27:36].mean(0)
    x, y = np.clip(np.round(middle), 2, size - 3).astype(int)
    skin = canvas[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1))
    hair = skin * random.uniform(0.1, 0.6)
    face = Around(anchors, unit, skin, hair)
    covered = draw_occluders(random, canvas, face, chance=1)
    out = np.clip(np.round(canvas), 0, 255).astype(np.uint8)
    place = np.round(keypoints).astype(int)
    inside = ((place >= 0) & (place < size)).all(1)
    x, y = np.clip(place, 0, size - 1).T
    return (
        to_grey(out) if grey else out,
        inside & (covered[y, x] >= HIDDEN),
    )


@cache
def _plain() -> tuple[np.ndarray, float]:
    """Return the 68 keypoints of an average frontal face and its eye distance."""
    points = render_face(0, 160, pose=(0, 0, 0), plain=True).keypoints
    left, right = five_from_68(points)[:2]
    return points, float(np.linalg.norm(left - right))


def _around(keypoints: np.ndarray) -> tuple[np.ndarray, float]:
    """Return 68 keypoints of a face and its eye distance in pixels.

    For five keypoints, the 68 of an average face are moved by the similarity
    that fits the five best (least squares).
    """
    plain, between = _plain()
    whole = len(keypoints) == 68
    five = five_from_68(keypoints) if whole else keypoints
    # In complex numbers, a similarity is a factor and a shift.
    source = five_from_68(plain) @ (1, 1j)
    target = five @ (1, 1j)
    centred = source - source.mean()
    factor = (centred.conj() @ (target - target.mean())) / (np.abs(centred) ** 2).sum()
    placed = (plain @ (1, 1j) - source.mean()) * factor + target.mean()
    anchors = np.stack((placed.real, placed.imag), axis=-1)
    return keypoints if whole else anchors, between * abs(factor)
