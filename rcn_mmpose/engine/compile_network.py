"""Compiling the network of a training."""

import os
import shutil
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ..registry import HOOKS

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
