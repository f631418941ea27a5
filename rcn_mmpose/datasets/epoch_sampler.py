"""Telling the augmentation which epoch it is."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.dataset import DefaultSampler

from ..registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """MMEngine's sampler, which hands on seed and epoch with each index.

    For :class:`~rcn_mmpose.datasets.CachedFaceDataset`, whose augmentation
    depends on these three alone, and so neither on workers nor on what came
    before. MMEngine's ``DistSamplerSeedHook`` sets the epoch. Arguments and
    order are those of ``DefaultSampler``.
    """

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Yield (seed, epoch, index)."""
        seed, epoch = self.seed, self.epoch
        return iter([(seed, epoch, index) for index in super().__iter__()])
