"""MMEngine's training loop, one iteration at a time."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ...device_data.switch import use_device_data


class SteppedLoop(EpochBasedTrainLoop):
    """A loop that stops after each iteration, until it is asked to go on.

    Everything else is the runner's: hooks, logging, schedulers, epochs.
    ``waited`` adds up the seconds until a batch is there.
    """

    waited = 0.0

    def run(self) -> torch.nn.Module:
        """Prepare; :meth:`iterations` does the rest."""
        self.runner.call_hook('before_train')
        return self.runner.model

    def iterations(self) -> Iterator[None]:
        """Train for ever, yielding after each iteration."""
        while True:
            self.runner.call_hook('before_train_epoch')
            self.runner.model.train()
            batches = iter(self.dataloader)
            index = 0
            while True:
                begin = time.perf_counter()
                batch = next(batches, None)
                self.waited += time.perf_counter() - begin
                if batch is None:
                    break
                self.run_iter(index, batch)
                index += 1
                yield
            self.runner.call_hook('after_train_epoch')
            self._epoch += 1


class Training:
    """A training by MMEngine's runner, and its bare step.

    Args:
        cfg (Config): Of the experiment, without validation.
        device_data (bool): Whether the data are made on the device.
    """

    def __init__(self, cfg: Config, device_data: bool) -> None:
        cfg = copy.deepcopy(cfg)
        # neither a short last batch nor another epoch's length
        cfg.train_dataloader.drop_last = True
        cfg.train_cfg = dict(
            type=f'{__name__}.SteppedLoop',
            max_epochs=cfg.train_cfg.max_epochs,
        )
        if device_data:
            make_on_device(cfg)
        else:  # all on the cores that are counted
            cfg.train_dataloader.num_workers = 0
            cfg.train_dataloader.persistent_workers = False
        # MMEngine keeps one of each name
        cfg.experiment_name = f'benchmark_{time.time_ns()}'
        cfg.visualizer.name = cfg.experiment_name
        self.runner = Runner.from_cfg(cfg)
        check_batches(self.runner.train_dataloader)
        self.runner.train()
        self.faces = cfg.train_dataloader.batch_size
        self.loop: SteppedLoop = self.runner.train_loop
        self._iterations = self.loop.iterations()
        self._batch: dict[str, Any] | None = None
        self._made = self._total = 0.0
        self._time_preprocessor()

    def step(self) -> None:
        """Do one iteration of the whole loop."""
        begin = time.perf_counter()
        next(self._iterations)
        self._total += time.perf_counter() - begin

    def bare_step(self) -> None:
        """Do forward, backward and update on the same batch again."""
        model, optim = self.runner.model, self.runner.optim_wrapper
        if self._batch is None:
            model.train()
            batch = next(iter(self.loop.dataloader))
            self._batch = model.data_preprocessor(batch, True)
        with optim.optim_context(model):
            losses = model(**self._batch, mode='loss')
        optim.update_params(model.parse_losses(losses)[0])

    def data_share(self) -> dict[str, float]:
        """Return the share of the whole loop's time that went into data.

        On a GPU nothing: what it does meanwhile is not waited for.
        """
        if torch.cuda.is_initialized() or not self._total:
            return {}
        spent = self.loop.waited + self._made
        return dict(data_share=spent / self._total)

    def _time_preprocessor(self) -> None:
        """Let the data preprocessor be timed wherever it is called."""
        module = self.runner.model.data_preprocessor
        begin = [0.0]

        def before(*_: object) -> None:
            begin[0] = time.perf_counter()

        def after(*_: object) -> None:
            self._made += time.perf_counter() - begin[0]

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)


def make_on_device(cfg: Config, folder: str | None = None) -> None:
    """Let a config make its training data on the device, or fail.

    Raises:
        OSError: If there is no room for a cache: the plain path would be
            measured in its place.
    """
    if not use_device_data(cfg, folder):
        raise OSError('no crop cache can be written; see the warning above.')


def check_batches(loader: DataLoader) -> None:
    """Raise an error if an epoch has no whole batch.

    Raises:
        ValueError: Naming the numbers.
    """
    if not len(loader):
        raise ValueError(
            f'{len(loader.dataset)} faces give no batch of '
            f'{loader.batch_size}; take a smaller --batch.'
        )
