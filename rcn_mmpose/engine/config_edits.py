"""The edits that the tools make to a config, as one ordered list."""
# DOCS Training one experiment by the recipe of another.
# DOCS
# DOCS The learning rate of larger batches, by a rule for AdamW.

from __future__ import annotations

import math
import os.path as osp

from mmengine.config import Config

PARTS = ('train_cfg', 'optim_wrapper', 'param_scheduler')


def use_recipe(cfg: Config, path: str) -> None:
    """Take the length of the training and the optimiser from another config.

    Model, data and loss stay; so a table's rows can be compared after a short
    training with a decaying learning rate, where their own takes hundreds of
    epochs.

    Args:
        cfg (Config): Of the experiment; changed.
        path (str): Config with ``train_cfg``, ``optim_wrapper`` and
            ``param_scheduler``, such as configs/_base_/adamw_30_epochs.py.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If it lacks one of the three.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'recipe {path!r} does not exist; one of this project is '
            'configs/_base_/adamw_30_epochs.py.'
        )
    recipe = Config.fromfile(path)
    for part in PARTS:
        if part not in recipe:
            raise ValueError(
                f'recipe {path!r} has no {part}; it needs {", ".join(PARTS)}.'
            )
    for part in PARTS:
        cfg[part] = recipe[part]


ADAPTIVE = ('Adam', 'AdamW', 'RMSprop', 'NAdam', 'RAdam', 'Adamax')


def scale_by_root(cfg: Config, processes: int) -> str:
    """Multiply the learning rate by the root of the growth of the batch.

    Optimisers that divide by the root of the mean squared gradient (Adam and
    its kin) keep their course so (Malladi et al.: On the SDEs and Scaling
    Rules for Adaptive Gradient Algorithms, NeurIPS 2022), where plain SGD
    needs MMEngine's linear rule. The config is afterwards one for the batch
    it has.

    Args:
        cfg (Config): Of the experiment; the learning rate and
            ``auto_scale_lr.base_batch_size`` are changed.
        processes (int): Their number in all.

    Returns:
        str: What was done, in words.

    Raises:
        ValueError: If the config does not say for how many faces it is made,
            or the optimiser is of another kind.
    """
    rule = cfg.get('auto_scale_lr') or {}
    base = rule.get('base_batch_size')
    if not base:
        raise ValueError(
            'the config does not say for how many faces an update its '
            'learning rate is made; set auto_scale_lr=dict('
            'base_batch_size=...).'
        )
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if optimizer.get('type') not in ADAPTIVE or 'lr' not in optimizer:
        raise ValueError(
            f'the optimizer {optimizer.get("type")!r}: the square root is '
            f'the rule for {", ".join(ADAPTIVE)}, with lr given. Use '
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
