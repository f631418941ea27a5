"""Hold a schedule against the number of iterations of its training.

The number of iterations is known when the training data are read. A part that
cannot act, or that the end of the training cuts off, is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.runner import IterBasedTrainLoop, Runner

from .training_length import ENDLESS, TIMES, type_of_part

# Parts whose end defines their whole curve.
CURVES = ('Cosine', 'Poly', 'OneCycle')
# Keys of hooks that count epochs or iterations from the start of the training.
STARTS = {
    'switch_epoch': 'max_epochs',
    'begin_epoch': 'max_epochs',
    'begin_iter': 'max_iters',
}


def settle_schedule(runner: Runner) -> list[str]:
    """Fit the schedule of a runner to its iterations, and check it.

    Args:
        runner (Runner): A runner before ``train``. Its ``param_schedulers`` are
            changed where a time is no whole number of iterations, and where a
            warm-up has only one step, after which MMEngine keeps the reduced rate
            for ever.

    Returns:
        list[str]: Lines for the log.

    Raises:
        ValueError: If a part of the schedule has no effect in this training, or the
            end of the training cuts it off. The error names the settings to change.
    """
    if runner.param_schedulers is None:
        return []
    settler = _Settler(runner)
    runner.param_schedulers = settler.settled(
        runner.param_schedulers, 'param_scheduler'
    )
    return settler.lines + _late_hooks(runner)


class _Settler:
    """One schedule and the length of its training.

    Attributes:
        epoch (int): Iterations of an epoch.
        total (int): Iterations of the training.
        by_iterations (bool): Whether the loop counts iterations.
        lines (list[str]): What was changed, for the log.
    """

    def __init__(self, runner: Runner) -> None:
        loop = runner.train_loop
        self.by_iterations = isinstance(loop, IterBasedTrainLoop)
        self.epoch = len(runner.train_dataloader)
        self.total = runner.max_iters
        self._longer = f'train_cfg.max_{"iters" if self.by_iterations else "epochs"}'
        self.lines: list[str] = []

    def settled(self, scheduler: Any, place: str) -> Any:
        """Return the schedule with all parts fitted to whole iterations."""
        if isinstance(scheduler, Mapping) and 'type' in scheduler:
            scheduler = [scheduler]
        if isinstance(scheduler, Mapping):
            return {
                name: self.settled(parts, f'{place}.{name}')
                for name, parts in scheduler.items()
            }
        fitted = []
        for i, part in enumerate(scheduler or ()):
            if isinstance(part, Mapping):
                part = self._part(part, f'{place}.{i}')
            if part is not None:
                fitted.append((f'{place}.{i}', part))
        self._check_tail([x for x in fitted if isinstance(x[1], Mapping)])
        return [part for _, part in fitted]

    def _part(self, part: Any, place: str) -> dict | None:
        """Fit one part; return None for a warm-up of fewer than two iterations."""
        part = dict(part)
        if 'Plateau' in type_of_part(part):
            return part
        times = [x for key in TIMES if key in part for x in _numbers(part[key])]
        fractional = any(x != int(x) for x in times)
        converted = part.get('by_epoch', True) and part.get('convert_to_iter_based')
        if fractional or converted and self.by_iterations:
            part = self._in_iterations(part)
        if _ramp(part) and self._span(part) <= 1:
            self.lines.append(
                f'{place} ({type_of_part(part)}) has fewer than two steps, after '
                'which the learning rate would stay reduced for ever. '
            )
            if part.get('by_epoch', True) and self.epoch > 1:
                part = self._in_iterations(part)
                self.lines[-1] += f'It now has the {self.epoch} iterations of an epoch.'
            if self._span(part) <= 1:
                self.lines[-1] += 'It is left out.'
                return None
        self._check(place, part)
        return part

    def _in_iterations(self, part: dict) -> dict:
        """Return a part that counts iterations in place of epochs."""
        unit = self._unit(part)

        def rounded(value: float) -> int:
            return ENDLESS if value >= ENDLESS else int(value * unit + 0.5)

        new = {k: v for k, v in part.items() if k != 'convert_to_iter_based'}
        new.update(by_epoch=False, begin=rounded(part.get('begin', 0)))
        new['end'] = rounded(part['end']) if 'end' in part else self.total
        for key in ('step_size', 'total_steps'):
            if part.get(key):
                new[key] = max(1, rounded(part[key]))
        for key in ('milestones', 'periods'):
            if key in part:
                new[key] = [max(1, rounded(x)) for x in part[key]]
        if part.get('T_max'):
            # Both ends are rounded, so that the curve ends where the part does.
            end = rounded(part.get('begin', 0) + part['T_max'])
            new['T_max'] = max(1, end - new['begin'])
        return new

    def _unit(self, part: Mapping) -> int:
        """Return the iterations of the unit that a part counts."""
        return self.epoch if part.get('by_epoch', True) else 1

    def _end(self, part: Mapping) -> float:
        """Return the iteration at which a part ends."""
        unit = self._unit(part)
        if part.get('total_steps'):
            return unit * (part.get('begin', 0) + part['total_steps'])
        end = part.get('end', ENDLESS)
        return self.total if end >= ENDLESS else end * unit

    def _span(self, part: Mapping) -> float:
        """Return the number of steps of a part."""
        steps = 1 if part.get('convert_to_iter_based') else self._unit(part)
        return (self._end(part) - part.get('begin', 0) * self._unit(part)) / steps

    def _check(self, place: str, part: Mapping) -> None:
        """Raise an error for a part that has no effect or is cut off."""
        kind, unit, name = type_of_part(part), self._unit(part), _name(part)
        if 'Plateau' in kind:
            return
        length, begin = self.total / unit, part.get('begin', 0)
        what = f'{place} ({kind})'
        trained = f'but the training has {length:g} {name}'
        if self.by_iterations and part.get('by_epoch', True):
            raise ValueError(
                f'{what} counts epochs, but the training counts iterations, so that '
                f'it has no effect: set {place}.by_epoch=False and its times in '
                f'iterations; the training has {self.total}.'
            )
        if begin >= length:
            raise ValueError(
                f'{what} begins after {begin:g} {name}, {trained}, so that it has no '
                f'effect: set {place}.begin below {length:g}, or {self._longer} above '
                f'{begin:g}.'
            )
        end = self._end(part) / unit
        if end > length and (_ramp(part) or _curve(part)):
            missed = 'the full' if _ramp(part) else 'its lowest'
            raise ValueError(
                f'{what} ends after {end:g} {name}, {trained} and would stop before '
                f'{missed} learning rate: set {place}.end to at most {length:g}, or '
                f'{self._longer} to {end:g} {name}.'
            )
        late = [m for m in part.get('milestones', ()) if begin + m > length]
        if late:
            raise ValueError(
                f'{what} lowers the learning rate after {late} {name}, {trained}: set '
                f'{place}.milestones below {length:g}, or {self._longer} above '
                f'{begin + max(late):g} {name}.'
            )

    def _check_tail(self, parts: list[tuple[str, Any]]) -> None:
        """Raise an error if the curve ends before the training."""
        curves = [(p, part) for p, part in parts if _curve(part)]
        constant = [part for _, part in parts if 'Constant' in type_of_part(part)]
        last = max(map(self._end, [part for _, part in curves] + constant), default=0)
        if not curves or last >= self.total:
            return
        place, part = max(curves, key=lambda curve: self._end(curve[1]))
        unit, name = self._unit(part), _name(part)
        end, length = self._end(part) / unit, self.total / unit
        raise ValueError(
            f'{place} ({type_of_part(part)}) ends after {end:g} {name}, but the '
            f'training has {length:g}: the last {length - end:g} would run at the '
            f'lowest learning rate. Set {place}.end={length:g}, or {self._longer} to '
            f'{end:g} {name}. To keep the lowest rate, add '
            f"dict(type='ConstantLR', factor=1.0, begin={end:g}, end={length:g}, "
            f'by_epoch={part.get("by_epoch", True)}) to param_scheduler.'
        )


def _name(part: Mapping) -> str:
    """Return the name of the unit that a part counts."""
    return 'epochs' if part.get('by_epoch', True) else 'iterations'


def _numbers(value: Any) -> list[float]:
    """List the numbers of a time."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [x for x in values if x is not None]


def _ramp(part: Mapping) -> bool:
    """Whether a part reduces the rate first, and restores it at its end."""
    kind = type_of_part(part)
    if kind.startswith('Linear'):
        return part.get('start_factor', 1 / 3) < part.get('end_factor', 1.0)
    if kind.startswith('Constant'):
        return part.get('factor', 1 / 3) != 1
    return kind.startswith('QuadraticWarmup')


def _curve(part: Mapping) -> bool:
    """Whether the end of a part defines its whole curve, which lowers the rate."""
    kind = type_of_part(part)
    falls = part.get('start_factor', 1 / 3) > part.get('end_factor', 1.0)
    return kind.startswith(CURVES) or kind.startswith('Linear') and falls


def _late_hooks(runner: Runner) -> list[str]:
    """Name the hooks that would begin after the end of the training."""
    lengths = dict(max_iters=runner.max_iters)
    if not isinstance(runner.train_loop, IterBasedTrainLoop):
        lengths['max_epochs'] = runner.max_epochs
    return [
        f'custom_hooks.{i}.{key}={hook[key]}: {hook.get("type")} never begins, because '
        f'the training has {unit}={lengths[unit]}.'
        for i, hook in enumerate(runner.cfg.get('custom_hooks') or ())
        if isinstance(hook, Mapping)
        for key, unit in STARTS.items()
        if key in hook and hook[key] >= lengths.get(unit, ENDLESS)
    ]
