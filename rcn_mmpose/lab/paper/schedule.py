"""The schedule of an experiment for another number of epochs."""

from __future__ import annotations

from mmengine.config import Config


def epoch_options(cfg: Config, epochs: int) -> dict[str, int]:
    """Return the config changes for a training of another length.

    The schedule is scaled in proportion: 30 epochs with a warm-up of 2 become
    15 epochs with a warm-up of 1. Every part of the schedule keeps at least
    one epoch.

    Args:
        cfg (Config): Config of the experiment.
        epochs (int): New number of epochs.

    Returns:
        dict[str, int]: New values by dotted key; empty if the number of
        epochs does not change.

    Raises:
        ValueError: If the number is not positive, or a part of the schedule
            does not count epochs.
    """
    if epochs < 1:
        raise ValueError(f'{epochs} epochs; give 1 or more.')
    before = cfg.train_cfg.max_epochs
    if epochs == before:
        return {}
    options = {'train_cfg.max_epochs': epochs}

    def moved(epoch: int) -> int:
        return epoch and max(1, int(epoch * epochs / before + 0.5))

    for i, part in enumerate(cfg.get('param_scheduler') or ()):
        unknown = {'T_max', 'milestones', 'step_size', 'total_steps'} & set(part)
        if unknown or 'end' not in part or not part.get('by_epoch', True):
            raise ValueError(
                f'param_scheduler[{i}] ({part["type"]}) cannot be moved to '
                f'{epochs} epochs: it must count epochs and have an `end`, '
                f'and no {", ".join(sorted(unknown)) or "other length"}.'
            )
        place, end = f'param_scheduler.{i}', moved(part.end)
        options[f'{place}.end'] = end
        if part.get('begin', 0):
            options[f'{place}.begin'] = min(moved(part.begin), end - 1)
    return options
