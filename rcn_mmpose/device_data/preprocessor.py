"""The data preprocessor that turns cached crops into training batches.

The random numbers of a face depend only on the seed, the epoch and the index of
the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..image.lcn import local_contrast_normalize
from ..models.data_preprocessors.lcn_preprocessor import LCNDataPreprocessor
from ..registry import MODELS
from .cache import load_cache
from .pipeline import DRAWS, BatchedPipeline


def uniform_draws(keys: np.ndarray, faces: int) -> np.ndarray:
    """Draw the numbers of a batch.

    Philox (Salmon et al.: Parallel random numbers: as easy as 1, 2, 3, SC
    2011) is a function of a key, here (seed, epoch), and a counter, here the index
    of the face. Earlier draws have no influence.

    Args:
        keys (np.ndarray): Seed, epoch and index of each face, int64 of shape
            (B, 3).
        faces (int): Number of faces in the dataset, above every index; it
            does not change the numbers.

    Returns:
        np.ndarray: In [0, 1), float64 of shape (B, 12); the columns are those of
            :class:`~rcn_mmpose.device_data.pipeline.Draw`.
    """
    draws = np.empty((len(keys), DRAWS))
    for seed, epoch in {(s, e) for s, e, _ in keys.tolist()}:
        rows = (keys[:, 0] == seed) & (keys[:, 1] == epoch)
        draws[rows] = _table(seed, epoch, faces)[keys[rows, 2]]
    return draws


@lru_cache(maxsize=2)
def _table(seed: int, epoch: int, faces: int) -> np.ndarray:
    """Draw the numbers of all faces for one epoch, (faces, 12)."""
    key = np.array((seed, epoch), np.uint64)
    # NumPy guarantees the words of the generator, not the floats it makes of them.
    words = np.random.Philox(key=key).random_raw(faces * DRAWS)
    return ((words >> 11) * 2.0**-53).reshape(faces, DRAWS)


class FaceLabels(dict):
    """Targets of one face, as attributes too, like ``InstanceData``."""

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class TrainingSample(NamedTuple):
    """The part of a ``PoseDataSample`` that a loss reads; cheaper to make."""

    gt_instance_labels: FaceLabels


class DeviceCrops:
    """A crop cache on a device.

    Args:
        folder (str): The cache's folder.
        device (torch.device): Where batches are made.
        max_bytes (float): Larger crop arrays stay in main memory, and each
            batch is copied.
    """

    def __init__(self, folder: str, device: torch.device, max_bytes: float) -> None:
        cache = load_cache(folder)
        self.extent = cache.extent
        self.device = device
        self.crops = torch.from_numpy(cache.crops)
        if self.crops.nbytes <= max_bytes:
            self.crops = self.crops.to(device)
        self.keypoints = torch.from_numpy(cache.keypoints).to(device)
        self.visible = torch.from_numpy(cache.visible).to(device)
        self.flip_indices = torch.from_numpy(cache.flip_indices).to(device)

    def __len__(self) -> int:
        return len(self.crops)

    def take(self, index: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Return crops, keypoints and visibility of some faces."""
        rows = torch.from_numpy(index)
        crops = self.crops.index_select(0, rows.to(self.crops.device))
        rows = rows.to(self.device)
        return (
            crops.to(self.device),
            self.keypoints[rows],
            self.visible[rows],
        )


@MODELS.register_module()
class CropCachePreprocessor(LCNDataPreprocessor):
    """Jitter, crop, occlude, normalise and encode cached faces on the device.

    Batches of :class:`~rcn_mmpose.device_data.dataset.CachedFaceDataset` only name
    faces; everything else happens here, for the whole batch. The augmentation of a
    face depends only on the seed, the epoch and the index of the face. Other
    batches, those of validation and test, go through
    :class:`~rcn_mmpose.models.data_preprocessors.lcn_preprocessor.LCNDataPreprocessor`.

    Args:
        pipeline (Sequence[dict]): The training pipeline after the face box;
            see
            :class:`~rcn_mmpose.device_data.pipeline.BatchedPipeline`.
        batch_floor_in_training (bool): See ``LCNDataPreprocessor``.
            Defaults to False.
        non_blocking (bool, optional): Copy to the device asynchronously.
        max_device_gb (float): Largest cache, in 10^9 bytes, that is kept on
            the device as a whole (39,000 crops of 160x160 take one). Defaults
            to 4.
    """

    def __init__(
        self,
        pipeline: Sequence[dict],
        batch_floor_in_training: bool = False,
        non_blocking: bool | None = False,
        max_device_gb: float = 4.0,
    ) -> None:
        super().__init__(batch_floor_in_training, non_blocking)
        self.pipeline = BatchedPipeline(pipeline)
        self.max_bytes = max_device_gb * 1e9
        self._caches: dict[tuple, DeviceCrops] = {}

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch.

        Args:
            data (dict): ``crop_cache``, the cache's folder, and ``keys``, the
                faces' seeds, epochs and indices, both as lists; or a batch of
                ``LCNDataPreprocessor``.
            training (bool): Whether this is a training step.

        Returns:
            dict: ``inputs`` (B, 1, H, W) float32 and ``data_samples``, of
            cached faces one :class:`TrainingSample` each.
        """
        if 'crop_cache' not in data:
            return super().forward(data, training)
        cache = self._cache(data['crop_cache'][0])
        keys = np.concatenate(data['keys'])
        grey, labels = self.pipeline(
            *cache.take(keys[:, 2]),
            cache.flip_indices,
            uniform_draws(keys, len(cache)),
            cache.extent,
        )
        floor = self.train_floor if training else 'image'
        samples = [
            TrainingSample(FaceLabels(zip(labels, row, strict=True)))
            for row in zip(*(x.split(1) for x in labels.values()), strict=True)
        ]
        return dict(inputs=local_contrast_normalize(grey, floor), data_samples=samples)

    def _cache(self, folder: str) -> DeviceCrops:
        """Open a cache at its first use."""
        key = (folder, str(self.device))
        if key not in self._caches:
            self._caches[key] = DeviceCrops(folder, self.device, self.max_bytes)
        return self._caches[key]
