"""Refusing a checkpoint that does not fit the model."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ..registry import HOOKS


@HOOKS.register_module()
class CheckpointCheckHook(Hook):
    """Raise an error where MMEngine would only warn and go on.

    MMEngine loads what fits of a checkpoint and logs the rest, so testing
    with the weights of another architecture prints the error of a randomly
    initialised network.

    Args:
        strict (bool): Set it to False to load a part on purpose, as in
            fine-tuning for another number of keypoints. Defaults to True.
    """

    priority = 'VERY_HIGH'

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes of all weights.

        Raises:
            ValueError: If they differ.
        """
        if not self.strict:
            return
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        wanted = model.state_dict()
        found = checkpoint.get('state_dict', checkpoint)
        kinds: list[list[str]] = [
            [f'{n} is missing' for n in wanted.keys() - found.keys()],
            [f'{n} is unknown' for n in found.keys() - wanted.keys()],
            [
                f'{n} has shape {tuple(found[n].shape)} instead of '
                f'{tuple(wanted[n].shape)}'
                for n in wanted.keys() & found.keys()
                if found[n].shape != wanted[n].shape
            ],
        ]
        total = sum(map(len, kinds))
        if total:
            shown = [fault for kind in kinds for fault in sorted(kind)[:2]]
            if total > len(shown):
                shown.append(f'and {total - len(shown)} more')
            raise ValueError(
                'the checkpoint belongs to another architecture: '
                f'{"; ".join(shown)}. Give the config it was trained with, or '
                'load a part on purpose with custom_hooks=[dict(type='
                "'rcn_mmpose.CheckpointCheckHook', strict=False)]."
            )
