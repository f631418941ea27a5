"""Throughput of data loading against MMPose's own pipeline."""
# DOCS What training data cost, by MMPose's pipeline and by ours.
# DOCS
# DOCS MMPose's own 300W experiment, to compare with.

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmpose
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import MODELS

from .arm import Case, Plan
from .faces import count_faces, load_config
from .stepped_loop import check_batches, make_on_device

SETUP = f'{__name__}:set_up'
FACES = 256


def groups(
    configs: list[str],
    threads: list[int],
    folder: str,
    device: str,
    batch: int | None = None,
) -> dict[str, list[Plan]]:
    """List what is compared, by the title of its table.

    Args:
        configs (list[str]): Of the experiments, whose faces are taken.
        threads (list[int]): Numbers of threads.
        folder (str): For synthetic faces.
        device (str): Where batches are made, ``'cpu'`` or ``'cuda'``.
        batch (int, optional): Faces of a batch. Defaults to the config's.
    """
    return {
        f'{config}, {count} threads': [
            Plan(
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
    """Set up all ways to a batch, in the process that measures them.

    All take the same faces, 256 or four batches (so that their files lie in
    memory), in the process itself, without workers: a loader, and the model's
    data preprocessor with what it gives.
    """
    count = max(FACES, 4 * (batch or 0))
    cfg = load_config(config, folder, count)
    faces = cfg.train_dataloader.dataset
    cfg.train_dataloader.batch_size = batch or cfg.train_dataloader.batch_size
    faces.indices = min(count, count_faces(faces))
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    stock = stock_config()
    ours = cfg.codec.input_size
    small = copy.deepcopy(stock)
    codec = dict(type='MSRAHeatmap', input_size=ours, heatmap_size=ours, sigma=1.5)
    small.train_pipeline[-3].input_size = ours
    small.train_pipeline[-2].encoder = codec
    on_device = copy.deepcopy(cfg)
    make_on_device(on_device, tempfile.mkdtemp(prefix='rcn_mmpose_benchmark_'))
    ways = {
        "MMPose's, 256x256": _as_in(cfg, stock),
        f"MMPose's, {ours[0]}x{ours[1]}": _as_in(cfg, small),
        'per-sample transforms': cfg,
        'data made on the device': on_device,
    }
    count = cfg.train_dataloader.batch_size
    facts = dict(batch=count, on=cfg.measured_on)
    return {
        name: Case(Batches(way, device).__next__, count, lambda: facts)
        for name, way in ways.items()
    }


def _as_in(cfg: Config, stock: Config) -> Config:
    """Give our faces MMPose's pipeline and data preprocessor."""
    cfg = copy.deepcopy(cfg)
    cfg.train_dataloader.dataset.pipeline = stock.train_pipeline
    cfg.model.data_preprocessor = stock.model.data_preprocessor
    return cfg


class Batches(Iterator):
    """Training batches as a model gets them, without end.

    Args:
        cfg (Config): Of the experiment.
        device (str): Where its batches are to be.
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


HRNET = (
    'face_2d_keypoint/topdown_heatmap/300w/td-hm_hrnetv2-w18_8xb64-60e_300w-256x256.py'
)


def stock_config() -> Config:
    """Read the config of HRNetV2-W18 on 300W that comes with MMPose."""
    folder = Path(mmpose.__file__).parent / '.mim' / 'configs'
    return Config.fromfile(str(folder / HRNET))
