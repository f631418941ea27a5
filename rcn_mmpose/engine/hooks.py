"""Hooks of a training: memory layout, finite loss, compilation."""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from ..registry import HOOKS

SHOWN = 8  # images that an error names
PARTS = ('backbone', 'neck')  # parts of a model that are compiled


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Put the model into channels-last memory format before it runs.

    This only changes the speed: names, shapes and checkpoints stay the same.
    """

    def before_run(self, runner: Runner) -> None:
        """Convert the weights in place."""
        runner.model.to(memory_format=torch.channels_last)


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Raise an error if a loss is infinite or not a number.

    The weights are lost after such a loss. MMEngine would train for all epochs and
    replace every good checkpoint. The error names the batch and its images; nothing
    is saved after it.

    Args:
        interval (int): Updates between checks on a GPU (each check synchronises).
            On a CPU every update is checked. The loss is also checked before every
            save. Defaults to 20.

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
        """Keep the losses of an update, and check them at intervals."""
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
        """Check the losses before a checkpoint is saved."""
        self._look(runner)

    def _look(self, runner: Runner) -> None:
        """Raise an error for the first batch whose loss is not finite."""
        seen, self._seen = self._seen, []
        if not seen:
            return
        sums = torch.stack([_total(losses) for _, losses, _ in seen])
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
            'older: check the images and their keypoints, lower the learning rate '
            '(optim_wrapper.optimizer.lr) or set optim_wrapper.clip_grad, and '
            'resume with --resume.'
        )


def _total(losses: dict[str, Tensor]) -> Tensor:
    """Add all values up; the sum is not finite if a value is not finite."""
    first, *others = losses.values()
    for value in others:
        first = first + value
    return first.sum()


def image_names(dataset: Any, batch: Any) -> list[str]:
    """List the images of a batch.

    Args:
        dataset (Any): Dataset of the loader.
        batch (Any): A batch of the loader.

    Returns:
        list[str]: Paths of the images; empty if the batch does not name them.
    """
    if not isinstance(batch, dict):
        return []
    if 'keys' in batch:  # of a CachedFaceDataset
        indices = np.concatenate(batch['keys'])[:, 2]
        infos = [dataset.source.get_data_info(int(i)) for i in indices]
        return [str(info.get('img_path', '')) for info in infos]
    samples = batch.get('data_samples') or []
    return [str(sample.get('img_path', '')) for sample in samples]


@HOOKS.register_module()
class CompileHook(Hook):
    """Run backbone and neck through ``torch.compile`` in training.

    MMEngine's option ``compile`` compiles the whole training step, which fails at
    the data preprocessor. This hook does not change data, loss, optimiser,
    validation, test, names, weights and checkpoints.

    Each batch size is compiled separately: a smaller last batch costs a second
    compilation, unless ``train_dataloader.drop_last`` is set.

    Args:
        mode (str): Mode of ``torch.compile``. ``'reduce-overhead'`` uses CUDA
            graphs on a GPU; PyTorch raises an error if a graph would overwrite
            memory in use. Defaults to ``'default'``.
        **options: Other arguments of ``torch.compile``.

    Raises:
        ValueError: If there is no compiler, or no network to compile (in
            ``before_train``).
    """

    def __init__(self, mode: str = 'default', **options: Any) -> None:
        if options.get('backend') is None:
            options['mode'] = mode
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Request the compilation, which takes place in the first step."""
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
                'to compile; train without --compile.'
            )
        for part in found:
            part.compile(dynamic=False, **self.options)

    def before_train_epoch(self, runner: Runner) -> None:
        """Run the compiled network."""
        torch.compiler.set_stance('default')

    def before_val_epoch(self, runner: Runner) -> None:
        """Run the network without compilation, which other batch sizes would need."""
        torch.compiler.set_stance('force_eager')

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Run the compiled network again, also within an epoch."""
        torch.compiler.set_stance('default')


def check_compiler() -> None:
    """Raise an error if there is no compiler for PyTorch.

    Raises:
        ValueError: If the compiler is missing; the error names it.
    """
    if torch.cuda.is_available():
        return  # PyTorch includes Triton
    name = os.environ.get('CXX', 'g++')  # as PyTorch does on Linux
    if shutil.which(name) is None:
        raise ValueError(
            f'no C++ compiler for torch.compile: {name!r} is not on the PATH. '
            'Install it, name another in the environment variable CXX, or '
            'train without --compile.'
        )


def use_compiler(cfg: Config, mode: str) -> None:
    """Add the hook that compiles the network.

    Args:
        cfg (Config): Config of the experiment; changed.
        mode (str): Mode of ``torch.compile``.

    Raises:
        ValueError: If there is no compiler.
    """
    check_compiler()
    hooks = cfg.get('custom_hooks') or []
    kind = 'rcn_mmpose.CompileHook'
    # A config that a run wrote has the hook already.
    cfg.custom_hooks = [x for x in hooks if x.get('type') != kind]
    cfg.custom_hooks.append(dict(type=kind, mode=mode))
