"""The schedule of a training: recipes, and the learning rate of large batches."""

from __future__ import annotations

import math
import os.path as osp

from mmengine.config import Config, ConfigDict

# The parts of a config that a recipe replaces.
RECIPE_PARTS = ('train_cfg', 'optim_wrapper', 'param_scheduler')
# Optimisers that divide by the root of the mean squared gradient.
ADAPTIVE = ('Adam', 'AdamW', 'RMSprop', 'NAdam', 'RAdam', 'Adamax')


def use_recipe(cfg: Config, path: str) -> None:
    """Replace the training length and the optimiser with those of another config.

    The model, the data and the loss stay the same. A recipe allows a comparison of
    the rows of a table after a short training with a decaying learning rate; the
    original schedules take hundreds of epochs.

    Args:
        cfg (Config): Config of the experiment; changed.
        path (str): Config with ``train_cfg``, ``optim_wrapper`` and
            ``param_scheduler``, such as configs/_base_/adamw_30_epochs.py.

    Raises:
        FileNotFoundError: If the config does not exist.
        ValueError: If the config lacks one of these three settings.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'recipe {path!r} does not exist; a recipe of this project is '
            'configs/_base_/adamw_30_epochs.py.'
        )
    recipe = Config.fromfile(path)
    for part in RECIPE_PARTS:
        if part not in recipe:
            raise ValueError(
                f'recipe {path!r} has no {part}; it needs {", ".join(RECIPE_PARTS)}.'
            )
    for part in RECIPE_PARTS:
        cfg[part] = recipe[part]


def scale_by_root(cfg: Config, processes: int) -> str:
    """Multiply the learning rate by the square root of the growth of the batch.

    This rule keeps the course of optimisers that divide by the root of the mean
    squared gradient, such as Adam (Malladi et al.: On the SDEs and Scaling Rules
    for Adaptive Gradient Algorithms, NeurIPS 2022). Plain SGD needs MMEngine's
    linear rule. Afterwards ``base_batch_size`` of the config is its actual batch.

    Args:
        cfg (Config): Config of the experiment; the learning rate and
            ``auto_scale_lr.base_batch_size`` are changed.
        processes (int): Number of processes on all nodes.

    Returns:
        str: A line for the log.

    Raises:
        ValueError: If the config has no ``base_batch_size``, or the optimiser is of
            another kind.
    """
    rule = cfg.get('auto_scale_lr') or {}
    base = rule.get('base_batch_size')
    if not base:
        raise ValueError(
            'the config does not say for which batch size its learning rate is '
            'made; set auto_scale_lr=dict('
            'base_batch_size=...).'
        )
    optimizer = cfg.optim_wrapper.get('optimizer') or ConfigDict()
    if optimizer.get('type') not in ADAPTIVE or 'lr' not in optimizer:
        raise ValueError(
            f'the optimizer {optimizer.get("type")!r}: the square-root rule '
            f'needs one of {", ".join(ADAPTIVE)}, with an lr. Use '
            '--auto-scale-lr linear.'
        )
    steps = cfg.optim_wrapper.get('accumulative_counts', 1)
    total = processes * cfg.train_dataloader.batch_size * steps
    factor = math.sqrt(total / base)
    before, optimizer.lr = optimizer.lr, optimizer.lr * factor
    rule.update(base_batch_size=total, enable=False)
    return (
        f'Learning rate {before:.3g} -> {optimizer.lr:.3g}, by the square '
        f'root of {total} / {base} faces an update; an epoch has '
        f'{total / base:.3g} times fewer updates.'
    )
