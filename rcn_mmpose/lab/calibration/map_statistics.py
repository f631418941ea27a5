"""Statistics of the probability maps of validation faces, beside the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from torch import Tensor, nn

from ...codecs import CellIndex
from ...evaluation.faces import read_face

# from 0.51 to 7.61 in steps of 7 %
TEMPERATURES = 1.07 ** np.arange(-10.0, 31.0)
UNIT = 10  # index of temperature 1


class MapStatistics(NamedTuple):
    """Map statistics of N faces with K keypoints at G temperatures, in cells.

    Attributes:
        confidence (np.ndarray): Probability mass within ``radius`` of the
            keypoint at each temperature, (G, N, K).
        spread (np.ndarray): Second moments of the map about the keypoint,
            (G, N, K, 2, 2).
        covariance (np.ndarray): Covariance of the map about its mean at
            temperature 1, (N, K, 2, 2).
        offset (np.ndarray): From the keypoint to the truth, (N, K, 2).
        labelled (np.ndarray): Whether the keypoint is labelled, bool (N, K).
        radius (float): Confidence is the probability that the truth lies
            within this distance.
    """

    confidence: np.ndarray
    spread: np.ndarray
    covariance: np.ndarray
    offset: np.ndarray
    labelled: np.ndarray
    radius: float

    @property
    def near(self) -> np.ndarray:
        """Whether the truth lies within the radius, bool (N, K)."""
        return np.linalg.norm(self.offset, axis=-1) <= self.radius


def validation_faces(cfg: Config) -> torch.utils.data.Dataset:
    """Build the dataset of the validation faces of a config.

    Raises:
        ValueError: If the config has no val_dataloader.
    """
    if cfg.get('val_dataloader') is None:
        raise ValueError(
            'the config has no val_dataloader; name a config with '
            'one, and with the same keypoints and crops: --faces '
            'configs/rcn_300w.py. Do not calibrate on test faces.'
        )
    return DATASETS.build(cfg.val_dataloader.dataset)


def collect_statistics(
    model: nn.Module,
    dataset: Any,
    batch_size: int = 32,
    progress: Callable[[Iterable], Iterable] = iter,
) -> MapStatistics:
    """Run a model on faces as a test does, and collect statistics of its maps.

    ``model.test_cfg`` is changed during the run and then restored.

    Args:
        model (nn.Module): Its head gives probability maps, and the decoder of
            the head is an ``rcn_mmpose.CellIndex``.
        dataset (Any): Faces with the pipeline of a test, which does not rotate
            them.
        batch_size (int): Faces per batch. Defaults to 32.
        progress (Callable): Wraps the loop over batches.

    Returns:
        MapStatistics: Without the calibration of the model, if it has one.

    Raises:
        ValueError: If the decoder has another type.
    """
    codec = getattr(getattr(model, 'head', None), 'decoder', None)
    if not isinstance(codec, CellIndex):
        raise ValueError(
            'only models whose head has an rcn_mmpose.CellIndex as its '
            f'decoder can be calibrated; this one has {type(codec).__name__}.'
        )
    estimator: Any = model  # nn.Module does not declare MMPose's attributes
    kept, parts = estimator.test_cfg, []
    estimator.test_cfg = dict(kept, output_heatmaps=True)
    try:
        for start in progress(range(0, len(dataset), batch_size)):
            rows = range(start, min(start + batch_size, len(dataset)))
            batch = pseudo_collate([dataset[i] for i in rows])
            with torch.inference_mode():
                for sample in estimator.test_step(batch):
                    parts.append(_statistics_of_face(sample.to_dict(), codec))
    finally:
        estimator.test_cfg = kept
    confidence, spread, covariance, offset, labelled = (
        np.stack(part) for part in zip(*parts, strict=True)
    )
    return MapStatistics(
        confidence.swapaxes(0, 1),
        spread.swapaxes(0, 1),
        covariance,
        offset,
        labelled,
        codec.score_radius_cells,
    )


def _statistics_of_face(sample: dict, codec: CellIndex) -> tuple[np.ndarray, ...]:
    """Collect the statistics of one face."""
    face = read_face(sample)
    cells = [
        ((points - face.centre) / face.scale + 0.5) * face.size - (codec.stride - 1) / 2
        for points in (face.pred, face.truth)
    ]
    keypoints, truth = (points / codec.stride for points in cells)
    maps = sample['pred_fields']['heatmaps'].float()
    confidence, spread, covariance = at_temperatures(
        maps, torch.from_numpy(keypoints).to(maps.device), codec.score_radius_cells
    )
    return (
        confidence.float().cpu().numpy(),
        spread.cpu().numpy(),
        covariance.cpu().numpy(),
        truth - keypoints,
        face.visible,
    )


def at_temperatures(
    maps: Tensor, keypoints: Tensor, radius: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute statistics of the maps of one face at all temperatures.

    The numbers equal those of :mod:`rcn_mmpose.codecs.decoding` (a test
    compares both). This function is a second implementation for speed: one
    matrix product gives all numbers of a map at a temperature.

    Args:
        maps (Tensor): Probability maps of one face, (K, H, W).
        keypoints (Tensor): In cells, (K, 2).
        radius (float): In cells.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Probability mass within the radius
        (G, K); second moments about the keypoint (G, K, 2, 2); covariance
        about the mean at temperature 1, (K, 2, 2).
    """
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=maps.device),
        torch.arange(width, device=maps.device),
        indexing='ij',
    )
    dx, dy = (
        (place.flatten() - keypoints[:, axis, None]).to(maps.dtype)
        for axis, place in enumerate((x, y))
    )
    near = (dx.square() + dy.square() <= radius**2).to(maps.dtype)
    wanted = (near, dx, dy, dx.square(), dx * dy, dy.square())
    weights = torch.stack(wanted, dim=-1)
    logs = maps.flatten(1).log()
    sums = torch.stack(
        [
            ((logs / t).softmax(-1)[:, None] @ weights)[:, 0]
            for t in TEMPERATURES.tolist()
        ]
    )
    spread = sums[..., (3, 4, 4, 5)].unflatten(-1, (2, 2))
    apart = sums[UNIT, :, 1:3]
    covariance = spread[UNIT] - apart[:, :, None] * apart[:, None]
    return sums[..., 0].clamp(0, 1), spread, covariance
