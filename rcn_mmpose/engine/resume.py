"""Resume with the settings of the config.

A checkpoint holds more than weights. MMEngine loads all of it, so that a learning
rate, an end of the schedule or a seed that was changed in the config would have no
effect, without a word.
"""

from __future__ import annotations

import os.path as osp
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.hooks import CheckpointHook, EMAHook, Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import IterBasedTrainLoop, Runner

from ..registry import HOOKS

# State of a part of the schedule that is no setting of the config.
PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}
SCALER = ('growth_factor', 'backoff_factor', 'growth_interval')

Changes = dict[str, tuple[Any, Any]]


@HOOKS.register_module()
class ResumeHook(Hook):
    """Apply the settings of the config when a training resumes, and log them.

    The state comes from the checkpoint: weights, moments of the optimiser, counters
    and the best error. Settings come from the config. The learning rates continue
    as if the training had followed the schedule of the config from its start. A
    schedule that follows the validation (``ReduceOnPlateauLR``) cannot be computed
    again, so that it continues as in the checkpoint. If the config has the settings
    of the checkpoint, the training resumes exactly as by MMEngine.
    """

    priority = 'HIGH'  # after CheckpointCheckHook

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Change the state that MMEngine is about to load.

        Raises:
            ValueError: If the checkpoint holds no state of a training, or the state
                of another optimiser.
        """
        if not runner._resume:
            return
        meta = checkpoint.get('meta') or {}
        if 'epoch' not in meta or 'message_hub' not in checkpoint:
            raise ValueError(
                'the checkpoint holds weights only and cannot be resumed. Start a '
                f'new training from it: {_anew(runner)}.'
            )
        changed = _seed(runner, meta)
        changed.update(_best(runner, checkpoint['message_hub']['runtime_info']))
        kept: Changes = {}
        replayed = []
        for place, wrapper, parts, state in _optimisers(runner, checkpoint):
            _check_optimiser(runner, place, wrapper, state)
            settings = _group_changes(place, wrapper, state)
            schedule = _schedule_changes(place, parts, state)
            rates = {f'{place}.optimizer.{part.param_name}' for part in parts}
            moved = bool(schedule) or any(key in settings for key in rates)
            fixed = any(getattr(part, 'need_val_args', False) for part in parts)
            if moved and fixed:
                kept.update(schedule)
                kept.update({k: v for k, v in settings.items() if k in rates})
                settings = {k: v for k, v in settings.items() if k not in rates}
            elif moved:
                _replay(runner, parts, meta)
                state.schedule = [part.state_dict() for part in parts]
                settings.update(schedule)
                replayed.append(wrapper.param_groups[-1]['lr'])
            if settings:
                _copy(wrapper, state, moved and not fixed)
            changed.update(settings)
        _log(runner, changed, kept, replayed)
        if 'ema_state_dict' in checkpoint and not any(
            isinstance(hook, EMAHook) for hook in runner.hooks
        ):
            runner.logger.warning(
                'The checkpoint holds averaged weights (EMAHook), the config has no '
                'EMAHook: the training resumes from the averaged weights.'
            )
        if meta['epoch'] >= runner.max_epochs and not _by_iterations(runner):
            runner.logger.warning(
                f'The checkpoint has {meta["epoch"]} of {runner.max_epochs} epochs: '
                'nothing is left to train. For a longer training, set '
                'train_cfg.max_epochs.'
            )


class _State:
    """The state of one optimiser in a checkpoint; ``schedule`` may be set."""

    def __init__(self, checkpoint: dict, name: str) -> None:
        self._checkpoint, self._name = checkpoint, name
        self.optimiser = self._get('optimizer')

    def _get(self, key: str) -> Any:
        found = self._checkpoint.get(key)
        return found.get(self._name) if found and self._name else found

    @property
    def groups(self) -> list[dict]:
        """Parameter groups, and the base settings where there are several."""
        if not self.optimiser:
            return []
        base = self.optimiser.get('base_param_settings')
        return [*self.optimiser['param_groups'], *([base] if base else [])]

    @property
    def schedule(self) -> list[dict] | None:
        """State of each part of the schedule."""
        return self._get('param_schedulers')

    @schedule.setter
    def schedule(self, states: list[dict]) -> None:
        if self._name:
            self._checkpoint.setdefault('param_schedulers', {})[self._name] = states
        else:
            self._checkpoint['param_schedulers'] = states


def _optimisers(
    runner: Runner, checkpoint: dict
) -> Iterator[tuple[str, Any, list, _State]]:
    """Yield key, optimiser, parts of the schedule and saved state of each one."""
    wrapper, parts = runner.optim_wrapper, runner.param_schedulers or []
    if isinstance(wrapper, OptimWrapperDict):
        for name, one in wrapper.items():
            own = parts.get(name, []) if isinstance(parts, Mapping) else parts
            yield f'optim_wrapper.{name}', one, own, _State(checkpoint, name)
    else:
        yield 'optim_wrapper', wrapper, list(parts), _State(checkpoint, '')


def _check_optimiser(runner: Runner, place: str, wrapper: Any, state: _State) -> None:
    """Raise an error if an optimiser cannot continue with a state."""
    if not state.optimiser:
        runner.logger.warning(
            'The checkpoint has no state of the optimiser, which starts anew. A '
            'training is resumed exactly from epoch_*.pth.'
        )
        return
    new = type(wrapper.optimizer).__name__
    old, own = (set(group[0]) for group in (state.groups, wrapper.param_groups))
    sizes = [len(group['params']) for group in state.optimiser['param_groups']]
    if sizes != [len(group['params']) for group in wrapper.optimizer.param_groups]:
        fault = f'groups the parameters differently ({place}.paramwise_cfg)'
    elif old - own - {'initial_lr'} and own - old - {'initial_lr'}:
        # A newer PyTorch may have more settings, but does not lack any.
        fault = (
            f'is of another optimiser than {new}: it has the settings '
            f'{", ".join(sorted(old - own))}'
        )
    else:
        return
    raise ValueError(
        f'the checkpoint {fault} and cannot be resumed. Start a new training from '
        f'its weights: {_anew(runner)}.'
    )


def _group_changes(place: str, wrapper: Any, state: _State) -> Changes:
    """Compare the settings of an optimiser: learning rate, weight decay, ..."""

    def setting(group: dict, key: str) -> Any:
        value = group.get(f'initial_{key}', group[key])  # before its schedule
        return tuple(value) if isinstance(value, list) else value

    changes: Changes = {}
    # The base settings come last; they are those of the config without factors.
    pairs = list(zip(wrapper.param_groups, state.groups, strict=False))
    for new, old in reversed(pairs):
        for key in new:
            if key == 'params' or key.startswith('initial_') or key not in old:
                continue
            if setting(new, key) != setting(old, key):
                values = setting(old, key), setting(new, key)
                changes.setdefault(f'{place}.optimizer.{key}', values)
    new, old = _scaler(wrapper), (state.optimiser or {}).get('loss_scaler') or {}
    for key in SCALER:
        if key in new and new[key] != old.get(key, new[key]):
            changes[f'{place}.loss_scale.{key}'] = old[key], new[key]
    return changes


def _scaler(wrapper: Any) -> dict:
    """Return the state of the loss scaler; empty without one."""
    scaler = getattr(wrapper, 'loss_scaler', None)
    return scaler.state_dict() if scaler is not None else {}


def _schedule_changes(place: str, parts: list, state: _State) -> Changes:
    """Compare the settings of a schedule."""
    key = place.replace('optim_wrapper', 'param_scheduler', 1)
    saved = state.schedule or []
    if len(saved) != len(parts):
        return {key: (f'{len(saved)} parts', f'{len(parts)} parts')}
    changes: Changes = {}
    for i, (part, old) in enumerate(zip(parts, saved, strict=True)):
        new = part.state_dict()
        if new.keys() != old.keys():
            changes[f'{key}.{i}.type'] = 'another', type(part).__name__
            continue
        unit = '' if part.by_epoch else ' iterations'
        for name in new.keys() - PROGRESS:
            if new[name] != old[name]:
                values = _shown(old[name]), f'{_shown(new[name])}{unit}'
                changes[f'{key}.{i}.{name}'] = values
    return changes


def _shown(value: Any) -> Any:
    """Return milestones as a list."""
    return sorted(value.elements()) if isinstance(value, Counter) else value


def _replay(runner: Runner, parts: list, meta: dict) -> None:
    """Step a new schedule to where the training stopped."""
    iterations = meta['iter']
    epochs = 0
    if not _by_iterations(runner):
        epochs = meta['epoch']
        iterations = epochs * len(runner.train_dataloader)
    with warnings.catch_warnings():
        # PyTorch expects a step of the optimiser before each step of a schedule.
        warnings.simplefilter('ignore')
        for i in range(1, iterations + 1):
            _step(part for part in parts if not part.by_epoch)
            if epochs and i * epochs % iterations == 0:
                _step(part for part in parts if part.by_epoch)


def _step(parts: Iterable) -> None:
    for part in parts:
        part.step()


def _by_iterations(runner: Runner) -> bool:
    return isinstance(runner.train_loop, IterBasedTrainLoop)


def _copy(wrapper: Any, state: _State, rates: bool) -> None:
    """Copy settings into a state; ``rates`` for the scheduled ones, too."""
    for new, old in zip(wrapper.param_groups, state.groups, strict=False):
        for key, value in new.items():
            base = key.removeprefix('initial_')
            scheduled = f'initial_{base}' in new
            if key != 'params' and (rates or not scheduled):
                old[key] = value
    saved = (state.optimiser or {}).get('loss_scaler')
    if saved:
        saved.update({k: v for k, v in _scaler(wrapper).items() if k in SCALER})


def _seed(runner: Runner, meta: dict) -> Changes:
    """Replace the seed by that of the config."""
    old, new = meta.get('seed'), runner._randomness_cfg.get('seed')
    if old is None or new is None or old == new:
        return {}
    meta['seed'] = new
    return {'randomness.seed': (old, new)}


def _best(runner: Runner, info: dict) -> Changes:
    """Forget the best error of another value, and the best file of another run."""
    path = info.get('best_ckpt')
    hook = next((h for h in runner.hooks if isinstance(h, CheckpointHook)), None)
    if not path or hook is None or not hook.save_best:
        return {}
    name, value = osp.basename(path), hook.key_indicators[0]
    if value != 'auto' and not name.startswith(f'best_{value}_'.replace('/', '_')):
        del info['best_ckpt']
        info.pop('best_score', None)
        return {'default_hooks.checkpoint.save_best': (name, value)}
    if osp.abspath(osp.dirname(path)) != osp.abspath(hook.out_dir or runner.work_dir):
        del info['best_ckpt']  # the file of the other run must stay
    return {}


def _anew(runner: Runner) -> str:
    """Return the options that start a training from a checkpoint's weights."""
    return f'without --resume, with --cfg-options load_from={runner._load_from}'


def _log(runner: Runner, changed: Changes, kept: Changes, rates: list[float]) -> None:
    """Log the settings that differ between checkpoint and config."""

    def listed(changes: Iterable[tuple[str, Any, Any]]) -> str:
        return '; '.join(f'{key}: {a} -> {b}' for key, a, b in changes)

    if changed:
        rate = ', '.join(f'{rate:.4g}' for rate in rates)
        runner.logger.warning(
            'The training resumes with the settings of the config where they differ '
            'from the checkpoint (checkpoint -> config, which is used): '
            f'{listed((key, a, b) for key, (a, b) in changed.items())}.'
            + f' The learning rate is now {rate}, as if the training had followed '
            f'this schedule from its start.' * bool(rates)
        )
    if kept:
        runner.logger.warning(
            'These settings of the config are not used, because the schedule follows '
            'the validation and continues as in the checkpoint (config -> used): '
            f'{listed((key, b, a) for key, (a, b) in kept.items())}. To use them, '
            f'start a new training from these weights: {_anew(runner)}.'
        )
