"""Hooks of a training: memory layout, finite loss, compilation."""
# DOCS Keeping a model's weights in the order (height, width, channels).
# DOCS
# DOCS Stopping a training whose loss is no number any more.
# DOCS
# DOCS Compiling the network of a training.

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from ..registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Put the model into channels-last memory format before it runs.

    A matter of speed alone: names, shapes and checkpoints stay as they are.
    """

    def before_run(self, runner: Runner) -> None:
        """Convert the weights in place."""
        runner.model.to(memory_format=torch.channels_last)


SHOWN = 8  # images in the message


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Raise an error where a loss is infinite or not a number.

    The weights are lost from then on, and MMEngine would go on for all
    epochs and replace every good checkpoint. The error names the batch and
    its images; nothing is saved after it.

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
        sums = torch.stack([sum(losses.values()).sum() for _, losses, _ in seen])
        wrong = (~sums.isfinite()).nonzero().flatten().tolist()
        if not wrong:
            return
        number, losses, batch = seen[wrong[0]]
        values = ', '.join(
            f'{name} {float(value.mean()):g}' for name, value in losses.items()
        )
        names = image_names(runner.train_dataloader.dataset, batch)
        more = f' and {len(names) - SHOWN} more' * (len(names) > SHOWN)
        raise ValueError(
            f'the loss is not finite in epoch {runner.epoch + 1}, batch '
            f'{number + 1}: {values}. Its images: '
            f'{", ".join(names[:SHOWN]) or "unknown"}{more}. Checkpoints are '
            'of before: look at the images and their keypoints, lower the '
            'learning rate (optim_wrapper.optimizer.lr) or set '
            'optim_wrapper.clip_grad, and go on with --resume.'
        )


def image_names(dataset: Any, batch: Any) -> list[str]:
    """List the images of a batch, as far as they are known.

    Args:
        dataset (Any): Dataset of the loader.
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


PARTS = ('backbone', 'neck')


@HOOKS.register_module()
class CompileHook(Hook):
    """Run backbone and neck through ``torch.compile`` in training.

    MMEngine's own option ``compile`` takes the whole training step, and stops
    at the data preprocessor. Here data, loss, optimiser, validation and test
    stay as they are, and so do names, weights and checkpoints.

    Every size of batch is compiled by itself: a last batch of fewer faces
    costs a second compilation, unless ``train_dataloader.drop_last`` is set.

    Args:
        mode (str): Of ``torch.compile``. ``'reduce-overhead'`` takes CUDA
            graphs on a GPU; PyTorch raises an error where they would
            overwrite what is still in use. Defaults to ``'default'``.
        **options: Others of ``torch.compile``.

    Raises:
        ValueError: If there is no compiler, or no network to compile (in
            ``before_train``).
    """

    def __init__(self, mode: str = 'default', **options: Any) -> None:
        if options.get('backend') is None:
            options['mode'] = mode
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Ask for the compilation; it takes place in the first step."""
        if 'mode' in self.options:
            check_compiler()
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        parts = (getattr(model, name, None) for name in PARTS)
        found = [part for part in parts if part is not None]
        if not found:
            raise ValueError(
                f'a {type(model).__name__} has no {" and no ".join(PARTS)} '
                'to compile; train it without --compile.'
            )
        for part in found:
            part.compile(dynamic=False, **self.options)

    def before_train_epoch(self, runner: Runner) -> None:
        """Run what is compiled."""
        torch.compiler.set_stance('default')

    def before_val_epoch(self, runner: Runner) -> None:
        """Run the network as it is: other batches, other compilations."""
        torch.compiler.set_stance('force_eager')

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Run what is compiled again, also within an epoch."""
        torch.compiler.set_stance('default')


def check_compiler() -> None:
    """Raise an error if PyTorch has nothing to compile with.

    Raises:
        ValueError: Naming the compiler that is missing.
    """
    if torch.cuda.is_available():
        return  # Triton comes with PyTorch
    name = os.environ.get('CXX', 'g++')  # as PyTorch does on Linux
    if shutil.which(name) is None:
        raise ValueError(
            f'no C++ compiler for torch.compile: {name!r} is not on the PATH. '
            'Install it, name another in the environment variable CXX, or '
            'train without --compile.'
        )
