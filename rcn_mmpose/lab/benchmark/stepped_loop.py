"""MMEngine's training loop, one iteration at a time."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sized
from typing import Any, cast

import torch
from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ...device_data.switch import use_device_data


class SteppedLoop(EpochBasedTrainLoop):
    """MMEngine's training loop as a generator, one iteration per step.

    Hooks, logging, schedulers and epochs run as in MMEngine's loop. ``waited``
    is the total time in seconds that the loop waited for batches.
    """

    waited = 0.0

    def run(self) -> torch.nn.Module:
        """Call the first hooks; :meth:`iterations` trains."""
        self.runner.call_hook('before_train')
        return self.runner.model

    def iterations(self) -> Iterator[None]:
        """Train without end; yield after each iteration."""
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


class SteppedTraining:
    """A training by MMEngine's runner, one iteration at a time.

    Args:
        cfg (Config): Config of the experiment, without validation.
        device_data (bool): Whether the training data are made on the device.
    """

    def __init__(self, cfg: Config, device_data: bool) -> None:
        cfg = copy.deepcopy(cfg)
        # All batches are whole and all epochs equally long.
        cfg.train_dataloader.drop_last = True
        cfg.train_cfg = dict(
            type=f'{__name__}.SteppedLoop',
            max_epochs=cfg.train_cfg.max_epochs,
        )
        if device_data:
            make_on_device(cfg)
        else:  # workers would use cores beyond the number of threads
            cfg.train_dataloader.num_workers = 0
            cfg.train_dataloader.persistent_workers = False
        # MMEngine keeps one visualizer per name.
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
        """Run one iteration of the whole loop."""
        begin = time.perf_counter()
        next(self._iterations)
        self._total += time.perf_counter() - begin

    def bare_step(self) -> None:
        """Run forward, backward and update on the same batch at each call."""
        model, optim = self.runner.model, self.runner.optim_wrapper
        if self._batch is None:
            model.train()
            batch = next(iter(self.loop.dataloader))
            self._batch = model.data_preprocessor(batch, True)
        with optim.optim_context(model):
            losses = model(**self._batch, mode='loss')
        optim.update_params(model.parse_losses(losses)[0])

    def data_share(self) -> dict[str, float]:
        """Return the share of the whole loop's time that data take.

        The result is empty on a GPU, because the GPU works at the same time.
        """
        if torch.cuda.is_initialized() or not self._total:
            return {}
        spent = self.loop.waited + self._made
        return dict(data_share=spent / self._total)

    def _time_preprocessor(self) -> None:
        """Time every call of the data preprocessor."""
        module = self.runner.model.data_preprocessor
        begin = [0.0]

        def before(*_: object) -> None:
            begin[0] = time.perf_counter()

        def after(*_: object) -> None:
            self._made += time.perf_counter() - begin[0]

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)


def make_on_device(cfg: Config, folder: str | None = None) -> None:
    """Change a config so that its training data are made on the device.

    Raises:
        OSError: If no cache can be written; without a cache, per-sample
            transforms would be measured instead.
    """
    if not use_device_data(cfg, folder):
        raise OSError('no crop cache can be written; see the warning above.')


def check_batches(loader: DataLoader) -> None:
    """Check that an epoch has a whole batch.

    Raises:
        ValueError: If the dataset has fewer faces than a batch.
    """
    if not len(loader):
        faces = len(cast(Sized, loader.dataset))
        raise ValueError(
            f'{faces} faces give no batch of '
            f'{loader.batch_size}; take a smaller --batch.'
        )
