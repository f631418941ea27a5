"""What probability maps say of validation faces, and what is true."""

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

# steps of 7 %, from 0.51 to 7.61; 1 is among them
TEMPERATURES = 1.07 ** np.arange(-10.0, 31.0)
PLAIN = 10  # where it is


class Observed(NamedTuple):
    """N faces of K keypoints at G temperatures; lengths in cells.

    Attributes:
        confidence (np.ndarray): Mass within ``radius`` of the keypoint at
            each temperature, (G, N, K).
        spread (np.ndarray): Second moments of the map about the keypoint,
            (G, N, K, 2, 2).
        covariance (np.ndarray): Of the map as it is about its mean,
            (N, K, 2, 2).
        offset (np.ndarray): From the keypoint to the truth, (N, K, 2).
        labelled (np.ndarray): Whether there is a truth, bool (N, K).
        radius (float): Of the event: the truth is that near, or nearer.
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
    """Build the validation faces of a config.

    Raises:
        ValueError: If it has none.
    """
    if cfg.get('val_dataloader') is None:
        raise ValueError(
            'the config has no val_dataloader; name one that has, with the '
            'same keypoints and crops: --faces configs/rcn_300w.py. Test '
            'faces are not for calibration.'
        )
    return DATASETS.build(cfg.val_dataloader.dataset)


def observe(
    model: nn.Module,
    dataset: Any,
    batch_size: int = 32,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Observed:
    """Run a model over faces as a test does, and look at its maps.

    Args:
        model (nn.Module): With a head of probability maps whose decoder is
            an ``rcn_mmpose.CellIndex``.
        dataset (Any): The faces, with the pipeline of a test, that does not
            turn them.
        batch_size (int): Faces at once. Defaults to 32.
        progress (Callable): Wraps the loop over batches.

    Returns:
        Observed: Without calibration, whether the model has one or not.

    Raises:
        ValueError: If the decoder is another one.
    """
    codec = getattr(getattr(model, 'head', None), 'decoder', None)
    if not isinstance(codec, CellIndex):
        raise ValueError(
            'only models whose head has an rcn_mmpose.CellIndex as its '
            f'decoder can be calibrated; this one has {type(codec).__name__}.'
        )
    kept, parts = model.test_cfg, []
    model.test_cfg = dict(kept, output_heatmaps=True)
    try:
        for start in progress(range(0, len(dataset), batch_size)):
            rows = range(start, min(start + batch_size, len(dataset)))
            batch = pseudo_collate([dataset[i] for i in rows])
            with torch.inference_mode():
                for sample in model.test_step(batch):
                    parts.append(_look(sample.to_dict(), codec))
    finally:
        model.test_cfg = kept
    confidence, spread, covariance, offset, labelled = (
        np.stack(part) for part in zip(*parts, strict=True)
    )
    return Observed(
        confidence.swapaxes(0, 1),
        spread.swapaxes(0, 1),
        covariance,
        offset,
        labelled,
        codec.radius,
    )


def _look(sample: dict, codec: CellIndex) -> tuple[np.ndarray, ...]:
    """Observe one face."""
    face = read_face(sample)
    cells = [
        ((points - face.centre) / face.scale + 0.5) * face.size - (codec.stride - 1) / 2
        for points in (face.pred, face.truth)
    ]
    keypoints, truth = (points / codec.stride for points in cells)
    maps = sample['pred_fields']['heatmaps'].float()
    confidence, spread, covariance = at_temperatures(
        maps, torch.from_numpy(keypoints).to(maps.device), codec.radius
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
    """Look at maps about their keypoints at all temperatures.

    Args:
        maps (Tensor): Probability maps of one face, (K, H, W).
        keypoints (Tensor): In cells, (K, 2).
        radius (float): In cells.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Mass within the radius (G, K); second
        moments about the keypoint (G, K, 2, 2); covariance about the mean of
        the map as it is, (K, 2, 2).
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
    # of each map one number for each of these
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
    apart = sums[PLAIN, :, 1:3]
    covariance = spread[PLAIN] - apart[:, :, None] * apart[:, None]
    return sums[..., 0].clamp(0, 1), spread, covariance
