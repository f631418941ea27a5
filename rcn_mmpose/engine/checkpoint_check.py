"""Refusing a checkpoint that does not fit the model."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner

from ..registry import HOOKS

# What depends on the number of keypoints, and may start anew in fine-tuning.
HEAD = 'head.'


@HOOKS.register_module()
class CheckpointCheckHook(Hook):
    """Raise an error where MMEngine would only warn and go on.

    MMEngine loads what fits of a checkpoint and logs the rest, so testing
    with the weights of another architecture prints the error of a randomly
    initialised network. Here all weights must fit, with one exception:
    training from ``load_from`` (not resuming) may start the head anew, as in
    fine-tuning for another number of keypoints; that is logged.

    Args:
        strict (bool): False to load whatever fits. Defaults to True.
    """

    priority = 'VERY_HIGH'

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes of all weights.

        Raises:
            ValueError: If they differ.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        found = checkpoint.get('state_dict', checkpoint)
        if hasattr(model, 'complete_state_dict'):  # from a second checkpoint
            found = model.complete_state_dict(found)
        faults = _compare(found, model.state_dict())
        # until training begins the loop is still a config
        training = isinstance(runner._train_loop, BaseLoop)
        if training and not runner._resume:
            anew = {n: f for n, f in faults.items() if n.startswith(HEAD)}
            faults = {n: f for n, f in faults.items() if n not in anew}
            for fault in anew.values():
                runner.logger.warning(f'The head starts anew: {fault}.')
        if not faults or not self.strict:
            return
        shown = list(faults.values())[:4]
        if len(faults) > len(shown):
            shown.append(f'and {len(faults) - len(shown)} more')
        raise ValueError(
            'the checkpoint belongs to another architecture: '
            f'{"; ".join(shown)}. Give the config it was trained with, or '
            'load a part on purpose with custom_hooks=[dict(type='
            "'rcn_mmpose.CheckpointCheckHook', strict=False)]."
        )


def _compare(found: dict, wanted: dict) -> dict[str, str]:
    """Say of each weight that differs how it does; unknown ones first."""
    faults = {n: f'{n} is unknown' for n in sorted(found.keys() - wanted)}
    for name, value in wanted.items():
        if name not in found:
            faults[name] = f'{name} is missing'
        elif found[name].shape != value.shape:
            faults[name] = (
                f'{name} has shape {tuple(found[name].shape)} instead of '
                f'{tuple(value.shape)}'
            )
    return faults
