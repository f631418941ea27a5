"""Deterministic augmentation, which depends only on seed, epoch and face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from rcn_mmpose.device_data import EpochSampler

ROOT = Path(__file__).parents[2]


def loader(converted: Path, workers: int, batch: int) -> DataLoader:
    init_default_scope('mmpose')
    cfg = Config.fromfile(str(ROOT / 'configs' / 'rcn_aflw.py'))
    settings = cfg.train_dataloader
    settings.dataset.data_root = f'{converted}/'
    settings.batch_size = batch
    settings.num_workers = workers
    settings.persistent_workers = workers > 0
    return Runner.build_dataloader(settings, seed=7)


def crops(data: DataLoader, epoch: int) -> dict[int, np.ndarray]:
    data.sampler.set_epoch(epoch)
    return {
        sample.id: image.numpy()
        for batch in data
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True)
    }


def test_workers_batch_size_and_earlier_epochs_do_not_matter(
    converted: Path,
) -> None:
    plain = loader(converted, 0, 5)
    first, second = crops(plain, 0), crops(plain, 1)
    assert len(first) == len(second) == 12
    np.random.seed(99)
    with_workers = loader(converted, 2, 3)
    resumed = crops(with_workers, 1)  # without the earlier epoch
    assert resumed.keys() == second.keys()
    for face, image in resumed.items():
        np.testing.assert_array_equal(image, second[face])
        assert (image != first[face]).any()


def test_a_dataset_that_accepts_only_indices() -> None:
    with pytest.raises(ValueError, match="list takes .*'DefaultSampler'"):
        EpochSampler([1, 2, 3])
