"""A training of one number on a dataset of any length, by MMEngine's runner."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader, TensorDataset

from rcn_mmpose.engine.config_edits import (
    apply_cfg_options,
    apply_recipe,
    check_keys,
    fit_schedule,
)
from rcn_mmpose.engine.schedule_check import settle_schedule

ROOT = Path(__file__).parents[2]
KEYS = ('train_cfg', 'optim_wrapper', 'param_scheduler')


class OneNumber(BaseModel):
    """Its loss is its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, *inputs: Any, mode: str = 'tensor') -> Any:
        return dict(loss=self.weight.sum())


class Rates(Hook):
    """Record the learning rate of each iteration."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        self.rates.append(runner.optim_wrapper.param_groups[0]['lr'])


def edited(config: str | Path, recipe: str | None = None, **options: Any) -> Config:
    """Read a config and apply the edits that concern the schedule.

    Args:
        options: --cfg-options; ``__`` stands for a dot.
    """
    args = argparse.Namespace(
        config=str(config),
        recipe=recipe,
        cfg_options={k.replace('__', '.'): v for k, v in options.items()},
    )
    cfg = Config.fromfile(args.config)
    lines = [
        edit(cfg, args)
        for edit in (apply_recipe, apply_cfg_options, check_keys, fit_schedule)
    ]
    cfg.lines = [line for line in lines if line]
    return cfg


def written(folder: Path, text: str, name: str = 'config') -> Path:
    """Write a config file."""
    path = folder / f'{name}.py'
    path.write_text(text)
    return path


def runner_of(cfg: Config, work: Path, batches: int, **more: Any) -> Runner:
    """Return a runner of the schedule of a config, with ``rates`` to record."""
    data = TensorDataset(torch.zeros(batches))
    runner = Runner(
        OneNumber(),
        str(work),
        train_dataloader=DataLoader(data),
        experiment_name=f'{work.name}_{id(data)}',
        log_level='ERROR',
        default_hooks=dict(logger=None),
        default_scope='mmpose',
        **{key: cfg[key] for key in KEYS},
        **more,
        cfg=Config({k: v for k, v in cfg.items() if k != 'lines'}),
    )
    rates = Rates()
    runner.register_hook(rates)
    runner.rates = rates.rates
    return runner


def rates_of(cfg: Config, work: Path, batches: int) -> tuple[list[float], list[str]]:
    """Train; return the learning rate of each iteration, and lines for the log."""
    runner = runner_of(cfg, work, batches)
    lines = settle_schedule(runner)
    runner.train()
    return runner.rates, [*cfg.get('lines', ()), *lines]
