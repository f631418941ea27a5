"""Calibration of confidence and covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Squared cells added to the diagonal of every covariance: a standard deviation
# of a tenth of a cell, so that every ellipse has an area. 1/12, the variance
# within a cell, made small ellipses too large on validation faces.
FLOOR = 0.01


@dataclass(frozen=True)
class Calibration:
    """Two numbers that calibrate confidence and covariance.

    Let T be the temperature, p a probability map, and k the keypoint decoded
    from p. The map is replaced by q = p^(1/T), scaled to sum to 1. This is
    temperature scaling: the softmax of the score map divided by T (Guo et
    al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2).
    With x the centres of the cells:

    - confidence is the sum of q within the codec's ``score_radius`` of k;
    - covariance is ``covariance_scale`` times the mean over q of
      (x - k)(x - k)^T, with ``FLOOR`` added on the diagonal. It is taken
      about the keypoint, because an ellipse is drawn around the keypoint.

    Keypoints do not change. :mod:`rcn_mmpose.lab.calibration.confidence_fit` finds
    both numbers on validation faces.

    Attributes:
        temperature: Above 0; a value above 1 makes the maps flatter.
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
                    f'calibration: {name}={value!r}; give a positive number; '
                    'tools/calibrate.py finds one.'
                )

    def maps(self, maps: Tensor) -> Tensor:
        """Return the maps q for probability maps p, (B, K, H, W)."""
        if self.temperature == 1:
            return maps
        flat = maps.flatten(2).log() / self.temperature
        return flat.softmax(-1).view_as(maps)

    def covariance(self, mean: Tensor, covariance: Tensor, positions: Tensor) -> Tensor:
        """Return the calibrated covariance about the keypoints, in squared cells.

        Args:
            mean (Tensor): Mean of q, (B, K, 2).
            covariance (Tensor): Covariance of q about its mean,
                (B, K, 2, 2).
            positions (Tensor): The keypoints in cells, (B, K, 2).

        Returns:
            Tensor: Covariance of shape (B, K, 2, 2), positive definite.
        """
        apart = mean - positions
        square = apart[..., :, None] * apart[..., None, :]
        floor = FLOOR * torch.eye(2, device=mean.device)
        return self.covariance_scale * (covariance + square + floor)
