"""Whether two ways to predict agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from .predictor import Prediction
from .torch_predictor import TorchPredictor

# Two modes whose probabilities differ by less, as a part of them, count as
# tied: rounding decides which of them is the keypoint.
NEAR_TIE = 1e-3
MOVED = 0.01  # pixels of the crop


class Parity(NamedTuple):
    """Largest differences between two predictions of the same crops.

    Attributes:
        keypoints: In pixels of the crop.
        confidence: A probability.
        deviation: Of the standard deviations of the maps, in pixels.
        near_ties: (crop, keypoint) of those left out because two of their
            modes are equally probable but for rounding.
    """

    keypoints: float
    confidence: float
    deviation: float
    near_ties: list[tuple[int, int]]


def compare(
    predictor: TorchPredictor, crops: np.ndarray, other: Prediction
) -> Parity:
    """Compare what a predictor says of crops with what another one said.

    Args:
        predictor (TorchPredictor): The one whose maps tell near ties.
        crops (np.ndarray): uint8 (N, H, W).
        other (tuple): Keypoints (N, K, 2) in pixels of the crop, confidence
            (N, K), covariance (N, K, 2, 2) of the other.
    """
    ours = predictor.predict(crops)
    apart = np.abs(ours[0] - other[0]).max(-1)
    ties = [
        (int(i), int(k))
        for i, k in np.argwhere(apart > MOVED)
        if _tied(predictor, crops[i], k, ours[0][i, k], other[0][i, k])
    ]
    counts = np.ones_like(apart, bool)
    for place in ties:
        counts[place] = False
    variances = [
        np.diagonal(p[2], axis1=-2, axis2=-1).clip(0) for p in (ours, other)
    ]
    return Parity(
        _largest(apart, counts),
        _largest(ours[1] - other[1], counts),
        _largest(np.sqrt(variances[0]) - np.sqrt(variances[1]), counts),
        ties,
    )


def _largest(values: np.ndarray, counts: np.ndarray) -> float:
    """Return the largest absolute value; not a number counts as infinite."""
    values = np.abs(values[counts])
    return float(np.where(np.isnan(values), np.inf, values).max(initial=0))


def _tied(
    predictor: TorchPredictor,
    crop: np.ndarray,
    keypoint: int,
    ours: np.ndarray,
    theirs: np.ndarray,
) -> bool:
    """Whether a keypoint's map is as high at one place as at the other."""
    network = predictor.network
    with torch.inference_mode():
        batch = torch.from_numpy(crop[None]).to(predictor.device)
        scores = network.scores(batch)[0, keypoint].float().cpu().numpy()
    heights = []
    for place in (ours, theirs):
        x, y = np.floor(place / network.stride).astype(int)
        around = scores[max(y - 1, 0) : y + 3, max(x - 1, 0) : x + 3]
        heights.append(around.max(initial=-np.inf))
    return abs(heights[0] - heights[1]) < NEAR_TIE  # logarithms
