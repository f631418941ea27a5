"""Probability maps that mean what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Squared cells on the diagonal of every covariance, so that none is without
# area: the tenth of a cell. 1/12, the variance within a cell, made small
# ellipses too large on validation faces.
FLOOR = 0.01


@dataclass(frozen=True)
class Calibration:
    """Two numbers between a network's probability maps and its statements.

    With T the temperature, p the map and k the keypoint that was decoded from
    p itself, the map becomes q = p^(1/T), scaled to sum to 1: the softmax of
    the score map divided by T (Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017, section 4.2). Then, with x the cells' centres,

    - confidence is the sum of q within the codec's ``score_radius`` of k;
    - covariance is ``covariance_scale`` times the mean over q of
      (x - k)(x - k)^T, with :data:`FLOOR` added on the diagonal: about the
      keypoint, for an ellipse is drawn around it, not around the map's mean.

    Keypoints stay what they are. :mod:`rcn_mmpose.lab.calibration.fitting`
    finds both numbers on validation faces.

    Attributes:
        temperature: Above 0; above 1 makes the maps flatter.
        covariance_scale: Above 0.

    Raises:
        ValueError: If a value is not a positive number.
    """

    temperature: float = 1.0
    covariance_scale: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise ValueError(
                    f'calibration: {name}={value!r}; give a positive number, '
                    'as tools/calibrate.py finds it.'
                )

    def maps(self, maps: Tensor) -> Tensor:
        """Return q for probability maps p, (B, K, H, W)."""
        if self.temperature == 1:
            return maps
        flat = maps.flatten(2).log() / self.temperature
        return flat.softmax(-1).view_as(maps)

    def covariance(self, mean: Tensor, covariance: Tensor, positions: Tensor) -> Tensor:
        """Return the covariance about the keypoints, in squared cells.

        Args:
            mean (Tensor): Of q, (B, K, 2).
            covariance (Tensor): Of q about its mean, (B, K, 2, 2).
            positions (Tensor): The keypoints in cells, (B, K, 2).

        Returns:
            Tensor: Of shape (B, K, 2, 2), positive definite.
        """
        apart = mean - positions
        square = apart[..., :, None] * apart[..., None, :]
        floor = FLOOR * torch.eye(2, device=mean.device)
        return self.covariance_scale * (covariance + square + floor)
