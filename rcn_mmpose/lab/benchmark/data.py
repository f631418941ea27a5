"""Benchmark of data loading: MMPose's pipeline and the pipelines of this project."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import MODELS

from .faces import count_faces, load_config, mmpose_config
from .measured_process import Case, ProcessPlan
from .stepped_loop import check_batches, make_on_device

SETUP = f'{__name__}:set_up'
FACES = 256


def groups(
    configs: list[str],
    threads: list[int],
    folder: str,
    device: str,
    batch: int | None = None,
) -> dict[str, list[ProcessPlan]]:
    """List the compared processes by the title of their table.

    Args:
        configs (list[str]): Configs whose training faces are used.
        threads (list[int]): Numbers of threads.
        folder (str): Folder for synthetic faces.
        device (str): Device of the batches, ``'cpu'`` or ``'cuda'``.
        batch (int, optional): Faces of a batch. Defaults to the config's.
    """
    return {
        f'{config}, {count} threads': [
            ProcessPlan(
                SETUP,
                arguments=dict(
                    config=config, folder=folder, device=device, batch=batch
                ),
                threads=count,
            )
        ]
        for config in configs
        for count in threads
    }


def set_up(
    config: str, folder: str, device: str, batch: int | None = None
) -> dict[str, Case]:
    """Set up all compared pipelines inside the measured process.

    A pipeline is a data loader followed by the model's data preprocessor. All
    pipelines load the same faces, 256 or four batches, which is few enough for
    the page cache. The loaders use no workers.
    """
    count = max(FACES, 4 * (batch or 0))
    cfg = load_config(config, folder, count)
    faces = cfg.train_dataloader.dataset
    cfg.train_dataloader.batch_size = batch or cfg.train_dataloader.batch_size
    faces.indices = min(count, count_faces(faces))
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    reference = mmpose_config()
    size = cfg.codec.input_size
    small = copy.deepcopy(reference)
    codec = dict(type='MSRAHeatmap', input_size=size, heatmap_size=size, sigma=1.5)
    small.train_pipeline[-3].input_size = size
    small.train_pipeline[-2].encoder = codec
    on_device = copy.deepcopy(cfg)
    make_on_device(on_device, tempfile.mkdtemp(prefix='rcn_mmpose_benchmark_'))
    pipelines = {
        "MMPose's, 256x256": _with_pipeline(cfg, reference),
        f"MMPose's, {size[0]}x{size[1]}": _with_pipeline(cfg, small),
        'per-sample transforms': cfg,
        'data made on the device': on_device,
    }
    count = cfg.train_dataloader.batch_size
    facts = dict(batch=count, on=cfg.measured_on)
    return {
        name: Case(Batches(pipeline, device).__next__, count, lambda: facts)
        for name, pipeline in pipelines.items()
    }


def _with_pipeline(cfg: Config, reference: Config) -> Config:
    """Return a config with the pipeline and data preprocessor of another one."""
    cfg = copy.deepcopy(cfg)
    cfg.train_dataloader.dataset.pipeline = reference.train_pipeline
    cfg.model.data_preprocessor = reference.model.data_preprocessor
    return cfg


class Batches(Iterator):
    """Endless training batches, after the model's data preprocessor.

    Args:
        cfg (Config): Config of the experiment.
        device (str): Device of the batches.
    """

    def __init__(self, cfg: Config, device: str) -> None:
        with DefaultScope.overwrite_default_scope('mmpose'):
            loader = dict(cfg.train_dataloader, drop_last=True)
            self.loader = Runner.build_dataloader(loader, seed=0)
            check_batches(self.loader)
            self.preprocessor = MODELS.build(cfg.model.data_preprocessor)
        self.preprocessor.to(device)
        self._epoch = 0
        self._batches = iter(self.loader)

    def __next__(self) -> dict[str, Any]:
        batch = next(self._batches, None)
        if batch is None:
            self._epoch += 1
            self.loader.sampler.set_epoch(self._epoch)
            self._batches = iter(self.loader)
            batch = next(self._batches)
        return self.preprocessor(batch, True)
