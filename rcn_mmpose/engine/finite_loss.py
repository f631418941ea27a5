"""Stopping a training whose loss is no number any more."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..registry import HOOKS

SHOWN = 8  # pictures in the message


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Raise an error where a loss is infinite or not a number.

    The weights are lost from then on, and MMEngine would go on for all
    epochs and replace every good checkpoint. The error names the batch and
    its pictures; nothing is saved after it.

    Args:
        interval (int): After how many updates to look, on a GPU, where a
            look waits for the device; it is looked before anything is saved,
            too. On a CPU always. Defaults to 20.

    Raises:
        ValueError: If ``interval`` is below 1; while training, if a loss is
            not finite.
    """

    priority = 'VERY_HIGH'

    def __init__(self, interval: int = 20) -> None:
        if interval < 1:
            raise ValueError(f'interval={interval}; give 1 or more.')
        self.interval = interval
        self._seen: list[tuple[int, dict[str, Tensor], Any]] = []

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Remember the losses of an update, and look now and then."""
        losses = {
            name: value.detach()
            for name, value in (outputs or {}).items()
            if 'loss' in name and isinstance(value, Tensor)
        }
        if not losses:
            return
        self._seen.append((batch_idx, losses, data_batch))
        on_cpu = all(value.is_cpu for value in losses.values())
        if on_cpu or len(self._seen) >= self.interval:
            self._look(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look before anything is saved."""
        self._look(runner)

    def _look(self, runner: Runner) -> None:
        """Raise an error for the first batch with a loss not finite."""
        seen, self._seen = self._seen, []
        if not seen:
            return
        sums = torch.stack(
            [sum(losses.values()).sum() for _, losses, _ in seen]
        )
        wrong = (~sums.isfinite()).nonzero().flatten().tolist()
        if not wrong:
            return
        number, losses, batch = seen[wrong[0]]
        values = ', '.join(
            f'{name} {float(value.mean()):g}' for name, value in losses.items()
        )
        names = picture_names(runner.train_dataloader.dataset, batch)
        more = f' and {len(names) - SHOWN} more' * (len(names) > SHOWN)
        raise ValueError(
            f'the loss is not finite in epoch {runner.epoch + 1}, batch '
            f'{number + 1}: {values}. Its pictures: '
            f'{", ".join(names[:SHOWN]) or "unknown"}{more}. Checkpoints are '
            'of before: look at the pictures and their keypoints, lower the '
            'learning rate (optim_wrapper.optimizer.lr) or set '
            'optim_wrapper.clip_grad, and go on with --resume.'
        )


def picture_names(dataset: Any, batch: Any) -> list[str]:
    """List the pictures of a batch, as far as they are known.

    Args:
        dataset (Any): Data set of the loader.
        batch (Any): What the loader gave.

    Returns:
        list[str]: Their paths.
    """
    if not isinstance(batch, dict):
        return []
    if 'keys' in batch:  # of a CachedFaceDataset
        indices = np.concatenate(batch['keys'])[:, 2]
        infos = [dataset.source.get_data_info(int(i)) for i in indices]
        return [str(info.get('img_path', '')) for info in infos]
    samples = batch.get('data_samples') or []
    return [str(sample.get('img_path', '')) for sample in samples]
