"""Telling the augmentation which epoch it is."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from mmengine.dataset import DefaultSampler

from ..registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """MMEngine's sampler, which hands on seed and epoch with each index.

    For our data sets, whose augmentation then depends on these three alone,
    and so neither on workers nor on what came before. MMEngine's
    ``DistSamplerSeedHook`` sets the epoch. Arguments and order are those of
    ``DefaultSampler``.

    Raises:
        ValueError: If the data set takes indices only.
    """

    def __init__(self, dataset: Sized, *args, **kwargs) -> None:
        if not getattr(dataset, 'takes_epochs', False):
            raise ValueError(
                f'{type(dataset).__name__} takes indices only, and '
                'rcn_mmpose.EpochSampler gives (seed, epoch, index); set '
                "train_dataloader.sampler.type to 'DefaultSampler'."
            )
        super().__init__(dataset, *args, **kwargs)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Yield (seed, epoch, index)."""
        seed, epoch = self.seed, self.epoch
        return iter([(seed, epoch, index) for index in super().__iter__()])
