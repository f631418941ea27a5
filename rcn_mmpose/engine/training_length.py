"""The learning rate schedule of a training follows the length that is trained.

A config states the length of the training (``train_cfg``) and, as separate numbers,
when each part of the schedule (``param_scheduler``) begins and ends. If only the
length is changed, by ``--cfg-options`` or in a config that inherits the schedule,
:func:`stretch_schedule` stretches the schedule with it: the curve of the learning
rate over the fraction of the training stays the same.
:func:`rcn_mmpose.engine.schedule_check.settle_schedule` checks the result when the
number of iterations is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

# Arguments of a part that count epochs or iterations.
TIMES = ('begin', 'end', 'T_max', 'milestones', 'step_size', 'periods', 'total_steps')
ENDLESS = 10**9  # MMEngine's INF


def schedule_parts(
    scheduler: Any, place: str = 'param_scheduler'
) -> Iterator[tuple[str, Any]]:
    """Yield the key and the config of each part of a schedule.

    Args:
        scheduler (Any): ``param_scheduler`` of a config: None, one part, a list of
            parts, or a dict with one of these for each optimiser.
        place (str): Key of the schedule.
    """
    if isinstance(scheduler, Mapping) and 'type' in scheduler:
        yield place, scheduler
    elif isinstance(scheduler, Mapping):
        for name, parts in scheduler.items():
            yield from schedule_parts(parts, f'{place}.{name}')
    else:
        for i, part in enumerate(scheduler or ()):
            if isinstance(part, Mapping):
                yield f'{place}.{i}', part


def type_of_part(part: Mapping) -> str:
    """Return the type of a part without its scope: 'LinearLR'."""
    kind = part['type']
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return str(name).split('.')[-1]


def trained_length(cfg: Config) -> tuple[str, int] | None:
    """Return the unit and the length of the training.

    Returns:
        tuple[str, int] | None: ``('max_epochs', 30)`` or ``('max_iters', 10000)``;
        None if the config has no training.
    """
    loop = cfg.get('train_cfg') or {}
    iterations = loop.get('by_epoch') is False or 'Iter' in str(loop.get('type', ''))
    unit = 'max_iters' if iterations else 'max_epochs'
    return (unit, int(loop[unit])) if loop.get(unit) else None


def planned_length(cfg: Config) -> tuple[str, int] | None:
    """Return the unit and the length for which a config's schedule is made.

    This is the length of the training, with one exception. Configs often state both
    numbers by a variable, ``max_epochs = 30``. A config that inherits the schedule
    and only changes ``train_cfg`` has another length than the variable and the last
    end of the schedule.
    """
    length = trained_length(cfg)
    if length is None:
        return None
    unit = length[0]
    by_epoch = unit == 'max_epochs'
    ends = [
        part['end']
        for _, part in schedule_parts(cfg.get('param_scheduler'))
        if part.get('by_epoch', True) == by_epoch and part.get('end', ENDLESS) < ENDLESS
    ]
    variable = cfg.get(unit)
    return (unit, variable) if ends and variable == max(ends) else length


def stretch_schedule(
    cfg: Config, planned: Config, options: Mapping[str, Any] | None = None
) -> str:
    """Stretch the schedule of a config to the length of its training.

    All times of the schedule are multiplied by the growth of the length: a warm-up
    of 2 of 30 epochs becomes one of 1 of 15. Times that are no whole epochs are
    rounded to iterations by ``settle_schedule``. The schedule stays unchanged if the
    length does, if the unit changes (epochs or iterations), or if an option sets a
    time of the schedule.

    Args:
        cfg (Config): Config of the training; changed.
        planned (Config): The same config without the options of the command line.
        options (Mapping | None): These options, by dotted key.

    Returns:
        str: A line for the log; empty if the schedule stays unchanged.
    """
    before, now = planned_length(planned), trained_length(cfg)
    if not before or not now or before[0] != now[0] or before[1] == now[1]:
        return ''
    if any(_sets_times(key, value) for key, value in (options or {}).items()):
        return ''
    changes = []
    for place, part in schedule_parts(cfg.get('param_scheduler')):
        changes += _stretch(place, part, now[1], before[1])
    if not changes:
        return ''
    return (
        f'The training has {now[0]}={now[1]}, its schedule is made for '
        f'{before[1]}. The schedule is stretched: {", ".join(changes)}. Other times '
        'can be given by --cfg-options with these keys.'
    )


def _sets_times(key: str, value: Any) -> bool:
    """Whether an option sets times of the schedule."""
    first, *rest = key.split('.')
    if first != 'param_scheduler':
        return False
    return not rest or rest[-1] in TIMES or isinstance(value, (dict, list, tuple))


def _stretch(place: str, part: Any, now: int, before: int) -> list[str]:
    """Multiply all times of a part by now / before; describe the changes."""
    kind = type_of_part(part)
    if 'Plateau' in kind:  # follows the validation
        return []
    old = {key: part[key] for key in TIMES if part.get(key)}
    for key, value in old.items():
        if isinstance(value, (list, tuple)):
            part[key] = [_scaled(x, now, before) for x in value]
        elif value < ENDLESS:
            part[key] = _scaled(value, now, before)
    if kind.startswith('Exponential'):
        # MMEngine cannot convert this factor of an epoch into one of an iteration.
        old['gamma'] = part['gamma']
        part['gamma'] = part['gamma'] ** (before / now)
        part.update({key: max(1, round(part[key])) for key in ('end',) if key in old})
        part.update({key: int(part[key]) for key in ('begin',) if key in old})
    elif old and part.get('by_epoch', True):
        part['convert_to_iter_based'] = True
    return [
        f'{place}.{key} {_short(value)} -> {_short(part[key])}'
        for key, value in old.items()
        if part[key] != value
    ]


def _scaled(value: float, now: int, before: int) -> float:
    """Return value * now / before, as an int if it is whole."""
    scaled = value * now / before
    return int(scaled) if scaled == int(scaled) else scaled


def _short(value: Any) -> str:
    """Write a number or a list of numbers with four digits."""
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(_short, value))}]'
    return f'{value:.4g}' if isinstance(value, float) else str(value)
