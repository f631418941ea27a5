"""Change a config to training data that is made on the device."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.dist import all_gather_object, init_dist, is_distributed
from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from mmpose.datasets.transforms import GetBBoxCenterScale
from mmpose.registry import DATASETS, TRANSFORMS

from ..datasets.transforms import FaceBox, LoadGreyImage, WithholdLabels
from .cache import CacheNotWritableError
from .pipeline import BatchedPipeline

CACHED = 'rcn_mmpose.CachedFaceDataset'
SAMPLER = 'rcn_mmpose.EpochSampler'
# Transforms that run once, before a face is cached.
ONCE = (LoadGreyImage, FaceBox, GetBBoxCenterScale)
# Transforms that run once at any position: they depend only on the face and change
# no image.
ONCE_ANYWHERE = (WithholdLabels,)
# Settings of worker processes; the device path has no workers.
OF_WORKERS = (
    'persistent_workers',
    'prefetch_factor',
    'multiprocessing_context',
    'timeout',
)


def use_device_data(cfg: Config, cache_dir: str | None = None) -> bool:
    """Change a config so that training data is made on the device.

    The images are decoded once into a cache of wide crops, which this function
    builds if necessary. Jitter, crop, occlusion, LCN and targets become operations
    on whole batches inside the data preprocessor. The random numbers differ from
    those of the per-sample transforms; their distribution is the same. Validation
    and test do not change.

    Args:
        cfg (Config): Config of the experiment; its training loader and data
            preprocessor are changed.
        cache_dir (str, optional): Folder of caches. Defaults to ``cache`` in
            the dataset's ``data_root``.

    Returns:
        bool: Whether the config was changed. If a process of the run cannot write
        the cache, the function logs a warning and does not change the config.

    Raises:
        ValueError: If a part of the training pipeline or of the loader has no
            batched version.
    """
    loader = cfg.get('train_dataloader')
    if loader is None:
        raise ValueError('the config has no train_dataloader to change.')
    if loader.dataset.get('type') == CACHED:  # a config written by a run
        return True
    _check(cfg)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        once, steps = _split(loader.dataset.get('pipeline') or ())
        crop_size, extent = BatchedPipeline(steps).crop_geometry()
        dataset = dict(
            type=CACHED,
            dataset=dict(loader.dataset, pipeline=once),
            crop_size=crop_size,
            extent=extent,
            cache_dir=cache_dir,
        )
        reason = ''
        try:
            DATASETS.build(dataset)
        except CacheNotWritableError as error:
            reason = str(error)
        # Nodes may have separate disks, but must use the same path.
        reason = next(filter(None, _of_all_processes(cfg, reason)), '')
        if reason:
            print_log(
                f'{reason} The training continues without the crop cache, and '
                'decodes all images in each epoch.',
                'current',
                logging.WARNING,
            )
            return False
    loader.dataset = dataset
    loader.sampler.type = SAMPLER
    # Otherwise the processes would choose a seed that depends on their number.
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None:
        loader.sampler.setdefault('seed', seed)
    loader.num_workers = 0
    for key in OF_WORKERS:
        loader.pop(key, None)
    cfg.model.data_preprocessor.update(
        type='rcn_mmpose.CropCachePreprocessor', pipeline=steps
    )
    return True


def _of_all_processes(cfg: Config, reason: str) -> list[str]:
    """Exchange the reasons why processes of a run have no cache."""
    launcher = cfg.get('launcher', 'none')
    if launcher != 'none' and not is_distributed():  # as the runner does it
        init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {}))
    return all_gather_object(reason)


def _split(pipeline: Sequence[dict]) -> tuple[list[dict], list[dict]]:
    """Split a pipeline into the steps that run once and the others."""
    once: list[dict] = []
    steps: list[dict] = []
    for config in pipeline:
        step = TRANSFORMS.build(dict(config))
        first = type(step) in ONCE and not steps
        if not (first or type(step) in ONCE_ANYWHERE):
            steps.append(config)
            continue
        if getattr(step, 'backend_args', None) is not None:
            raise ValueError(
                f'LoadGreyImage(backend_args={step.backend_args}): the device '
                'path checks the files of its cache on the local disk; leave '
                'backend_args out, or train without --device-data.'
            )
        once.append(config)
    return once, steps


def _check(cfg: Config) -> None:
    """Raise an error for settings around the pipeline that do not fit."""
    loader = cfg.train_dataloader
    preprocessor = cfg.model.get('data_preprocessor') or {}
    if not {'dataset', 'datasets'}.isdisjoint(loader.dataset):
        raise ValueError(
            f'train_dataloader.dataset is a {loader.dataset.type} around '
            'others; the device path takes one dataset. Train by the plain '
            'path.'
        )
    sampler = loader.sampler.get('type')
    for place, found, wanted in (
        (
            'train_dataloader.sampler.type',
            SAMPLER if sampler == 'DefaultSampler' else sampler,
            SAMPLER,
        ),
        ('train_dataloader.batch_sampler', loader.get('batch_sampler'), None),
        ('train_dataloader.collate_fn', loader.get('collate_fn'), None),
        (
            'model.data_preprocessor.type',
            preprocessor.get('type'),
            'rcn_mmpose.LCNDataPreprocessor',
        ),
    ):
        if found != wanted:
            raise ValueError(
                f'{place} is {found!r}; the device path needs {wanted!r}. '
                'Change it, or train without --device-data.'
            )
    if cfg.get('default_hooks', {}).get('sampler_seed', '') is None:
        raise ValueError(
            'default_hooks.sampler_seed is None; the device path learns the '
            "epoch from it. Set it to dict(type='DistSamplerSeedHook')."
        )
