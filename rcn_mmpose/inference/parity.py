"""Parity: how much two predictions of the same crops differ.

Rounding decides some keypoints, for example between two modes of equal
probability. :func:`compare` leaves these near ties out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ..codecs.decoding import read_scores
from ..models.pose_estimators import JointEstimator
from .predictor import Prediction
from .torch_predictor import TorchPredictor

# Two modes are tied if their probabilities differ by a smaller fraction: rounding
# decides which of them is the keypoint.
NEAR_TIE = 1e-3
# Larger differences are allowed at near ties only.
MOVED = 0.01  # of a keypoint, in pixels of the crop
CHANGED = 1e-4  # of a confidence
# A cell whose distance to the circle of the confidence is smaller, in squared
# cells, is on the circle.
ON_CIRCLE = 1e-4


class Parity(NamedTuple):
    """Largest differences between two predictions of the same crops.

    Attributes:
        keypoints: Largest difference of a coordinate, in pixels of the crop.
        confidence: Largest difference of a confidence.
        deviation: Largest difference of a standard deviation of the maps, in
            pixels of the crop.
        near_ties: (crop, keypoint) of the keypoints that are left out because
            rounding decides: two modes are equally probable, or the centre of
            a cell lies on the circle of the confidence. In a joint model one
            such keypoint changes the output of the denoiser for all keypoints;
            then all keypoints of the crop are left out.
    """

    keypoints: float
    confidence: float
    deviation: float
    near_ties: list[tuple[int, int]]


def compare(
    predictor: TorchPredictor,
    crops: np.ndarray,
    other: Prediction,
    ours: Prediction | None = None,
) -> Parity:
    """Compare the prediction of a predictor with another prediction.

    Args:
        predictor (TorchPredictor): Its score maps show the near ties.
        crops (np.ndarray): uint8 (N, H, W).
        other (tuple): The other prediction: keypoints (N, K, 2) in pixels of
            the crop, confidence (N, K), covariance (N, K, 2, 2).
        ours (tuple, optional): The prediction of the predictor, if known.

    Returns:
        Parity: The largest differences.
    """
    ours = ours or predictor.predict_crops(crops)
    apart = np.abs(ours[0] - other[0]).max(-1)
    ties = [
        (int(i), int(k))
        for i, k in np.argwhere(apart > MOVED)
        if _tied(predictor, crops[i], k, other[0][i, k])
    ]
    differs = np.abs(ours[1] - other[1]) > CHANGED
    ties += [
        (int(i), int(k))
        for i, k in np.argwhere(differs & (apart <= MOVED))
        if _on_circle(predictor, ours[0][i, k])
    ]
    differs |= apart > MOVED
    for i in np.flatnonzero(differs.any(-1)):
        if _tied_before_denoiser(predictor, crops[i]):
            ties += [(int(i), k) for k in range(apart.shape[1])]
    ties = sorted(set(ties))
    counts = np.ones_like(apart, bool)
    for place in ties:
        counts[place] = False
    variances = [np.diagonal(p[2], axis1=-2, axis2=-1).clip(0) for p in (ours, other)]
    return Parity(
        _largest(apart, counts),
        _largest(ours[1] - other[1], counts),
        _largest(np.sqrt(variances[0]) - np.sqrt(variances[1]), counts),
        ties,
    )


def _largest(values: np.ndarray, counts: np.ndarray) -> float:
    """Return the largest absolute value; NaN counts as infinite."""
    values = np.abs(values[counts])
    return float(np.where(np.isnan(values), np.inf, values).max(initial=0))


def _tied(
    predictor: TorchPredictor,
    crop: np.ndarray,
    keypoint: int,
    other: np.ndarray,
) -> bool:
    """Whether another rounding of the score map gives the other keypoint.

    Either one of the nearly most probable cells becomes the most probable, or
    all of them become equal, and the centre of the block is the keypoint.
    """
    network = predictor.network
    if network.window == 0:  # the keypoint is the mean of all cells
        return False
    with torch.inference_mode():
        batch = torch.from_numpy(crop[None]).to(predictor.device)
        scores = network.scores(batch)[:, keypoint : keypoint + 1].float()
        near = scores >= scores.amax() - NEAR_TIE  # logarithms
        variants = [scores.masked_fill(near, scores.amax())]
        for index in near.flatten().nonzero().flatten().tolist():
            variants.append(scores.clone())
            variants[-1].view(-1)[index] += 2 * NEAR_TIE
        if len(variants) <= 2:  # there is only one most probable cell
            return False
        cells, _, _ = read_scores(
            torch.cat(variants), network.window, network.radius_cells
        )
    places = cells[:, 0].cpu().numpy() * network.stride
    places = places + (network.stride - 1) / 2
    # A raised cell has a little more weight in the mean.
    return bool((np.abs(places - other).max(-1) < 2 * MOVED).any())


def _on_circle(predictor: TorchPredictor, keypoint: np.ndarray) -> bool:
    """Whether rounding decides if a cell is inside the circle of the confidence."""
    network = predictor.network
    place = (keypoint - (network.stride - 1) / 2) / network.stride
    steps = np.arange(-np.ceil(network.radius_cells), np.ceil(network.radius_cells) + 2)
    squares = (np.floor(place)[:, None] + steps - place[:, None]) ** 2
    apart = squares[0] + squares[1][:, None] - network.radius_cells**2
    return bool((np.abs(apart) < ON_CIRCLE).any())


def _tied_before_denoiser(predictor: TorchPredictor, crop: np.ndarray) -> bool:
    """Whether rounding decides the input of the denoiser of a joint model."""
    joint = predictor.network.model
    if not isinstance(joint, JointEstimator):
        return False
    rounds, joint.rounds = joint.rounds, 0
    try:
        with torch.inference_mode():
            batch = torch.from_numpy(crop[None]).to(predictor.device)
            scores = predictor.network.scores(batch).float().flatten(2)
    finally:
        joint.rounds = rounds
    first, second = scores.topk(2).values.unbind(-1)
    return bool((first - second < NEAR_TIE).any())
