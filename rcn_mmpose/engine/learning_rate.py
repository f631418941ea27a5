"""The learning rate of larger batches, by a rule for AdamW."""

from __future__ import annotations

import math

from mmengine.config import Config

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
