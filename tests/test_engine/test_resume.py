"""A resumed training takes its settings from the config and its state as saved."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from rcn_mmpose.engine.config_edits import choose_start
from rcn_mmpose.engine.resume import ResumeHook, _best, _seed
from rcn_mmpose.engine.schedule_check import settle_schedule

from .toy_training import ROOT, edited, runner_of

AFLW = ROOT / 'configs' / 'rcn_aflw.py'
BATCHES = 5


class Log:
    """Collect the warnings of a runner."""

    def __init__(self, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        monkeypatch.setattr(runner.logger, 'warning', self.lines.append)


def train(
    cfg: Config, work: Path, batches: int = BATCHES, stop: int = 0, **more: object
) -> Runner:
    """Train, to the end or until an epoch ends; MMEngine saves after each epoch."""
    runner = runner_of(cfg, work, batches, **more)
    settle_schedule(runner)
    if stop:
        loop = runner.train_loop
        loop._max_epochs = stop
    runner.train()
    return runner


@pytest.fixture
def resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201
    """A function that resumes a training of 4 of 6 epochs; runner and warnings."""

    def run(
        cfg: Config, first: Config | None = None, batches: int = BATCHES, **more: object
    ) -> tuple[Runner, list[str]]:
        work = tmp_path / 'work'
        train(first or edited(AFLW, train_cfg__max_epochs=6), work, stop=4)
        runner = runner_of(
            cfg, work, batches, resume=True, custom_hooks=[ResumeHook()], **more
        )
        settle_schedule(runner)
        log = Log(runner, monkeypatch)
        runner.train()
        return runner, log.lines

    return run


def state(runner: Runner) -> dict:
    return copy.deepcopy(runner.optim_wrapper.state_dict()['param_groups'])


def test_the_same_config_resumes_exactly(resumed, tmp_path: Path) -> None:  # noqa: ANN001
    cfg = edited(AFLW, train_cfg__max_epochs=6)
    whole = train(cfg, tmp_path / 'whole')
    runner, lines = resumed(cfg)
    assert runner.rates == whole.rates[4 * BATCHES :] and lines == []
    assert torch.equal(runner.model.weight, whole.model.weight)


@pytest.mark.parametrize('epochs', [9, 5])
def test_another_length_gets_the_schedule_of_this_length(
    resumed,  # noqa: ANN001
    tmp_path: Path,
    epochs: int,
) -> None:
    cfg = edited(AFLW, train_cfg__max_epochs=epochs)
    whole = train(cfg, tmp_path / 'whole')
    runner, (line,) = resumed(cfg)
    assert runner.rates == whole.rates[4 * BATCHES :]
    assert state(runner) == state(whole)
    old, new = 6 * BATCHES, epochs * BATCHES
    assert f'param_scheduler.1.end: {old} -> {new} iterations' in line
    assert 'checkpoint -> config, which is used' in line
    assert f'learning rate is now {whole.rates[4 * BATCHES]:.4g}' in line


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(optim_wrapper__optimizer__lr=1e-4), 'optimizer.lr: 0.002 -> 0.0001. The'),
        (dict(param_scheduler__1__eta_min=1e-5), '1.eta_min: 1e-06 -> 1e-05'),
        (dict(param_scheduler__1__type='PolyLR'), '1.type: another -> PolyLR'),
        (dict(param_scheduler=[]), 'param_scheduler: 2 parts -> 0 parts'),
        (
            dict(param_scheduler=[dict(type='MultiStepLR', milestones=[2, 5])]),
            'param_scheduler: 2 parts -> 1 parts',
        ),
    ],
)
def test_other_rates_are_used(
    resumed,  # noqa: ANN001
    tmp_path: Path,
    options: dict,
    message: str,
) -> None:
    """As if the training had followed this schedule from its start."""
    cfg = edited(AFLW, train_cfg__max_epochs=6, **options)
    whole = train(cfg, tmp_path / 'whole')
    runner, (line,) = resumed(cfg)
    assert runner.rates == whole.rates[4 * BATCHES :]
    assert message in line


def test_another_size_of_the_batch(resumed, tmp_path: Path) -> None:  # noqa: ANN001
    cfg = edited(AFLW, train_cfg__max_epochs=6)
    whole = train(cfg, tmp_path / 'whole', batches=10)
    runner, (line,) = resumed(cfg, batches=10)
    assert runner.rates == whole.rates[4 * 10 :]
    assert 'param_scheduler.1.end: 30 -> 60 iterations' in line


def test_weight_decay_and_seed(resumed) -> None:  # noqa: ANN001
    options = dict(train_cfg__max_epochs=6, optim_wrapper__optimizer__weight_decay=0.5)
    runner, (line,) = resumed(
        edited(AFLW, **options),
        randomness=dict(seed=7),
    )
    assert 'optim_wrapper.optimizer.weight_decay: 0.0001 -> 0.5' in line
    assert 'learning rate' not in line
    assert state(runner)[0]['weight_decay'] == 0.5
    assert runner.rates[0] < 2e-3  # goes on where it was


def test_the_seed_is_that_of_the_config(tmp_path: Path, resumed) -> None:  # noqa: ANN001
    meta = dict(seed=1)
    runner = runner_of(edited(AFLW), tmp_path, 1, randomness=dict(seed=7))
    assert _seed(runner, meta) == {'randomness.seed': (1, 7)} and meta['seed'] == 7
    assert _seed(runner, meta) == {}


def test_a_schedule_that_follows_the_validation(resumed) -> None:  # noqa: ANN001
    plateau = [dict(type='ReduceOnPlateauLR', monitor='loss', patience=1)]
    first = edited(AFLW, train_cfg__max_epochs=6, param_scheduler=plateau)
    second = edited(
        AFLW,
        train_cfg__max_epochs=6,
        param_scheduler=[dict(plateau[0], patience=9)],
        optim_wrapper__optimizer__lr=1e-4,
    )
    runner, (line,) = resumed(second, first)
    assert runner.rates == [2e-3] * 2 * BATCHES
    assert 'are not used' in line and 'optimizer.lr: 0.0001 -> 0.002' in line
    assert 'patience: 9' in line and 'load_from=' in line


def test_another_optimiser_is_an_error(resumed) -> None:  # noqa: ANN001
    cfg = edited(AFLW, train_cfg__max_epochs=6)
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.1)
    with pytest.raises(ValueError, match='optimiser than SGD: .* betas.*load_from='):
        resumed(cfg)


def test_adam_and_adamw_continue_each_other(resumed) -> None:  # noqa: ANN001
    cfg = edited(AFLW, train_cfg__max_epochs=6)
    cfg.optim_wrapper.optimizer.type = 'Adam'
    runner, _ = resumed(cfg)
    assert len(runner.rates) == 2 * BATCHES


def test_a_finished_training(tmp_path: Path, resumed) -> None:  # noqa: ANN001
    runner, lines = resumed(edited(AFLW, train_cfg__max_epochs=4))
    assert runner.rates == []
    assert 'has 4 of 4 epochs: nothing is left to train' in lines[-1]


def test_weights_without_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, work = edited(AFLW, train_cfg__max_epochs=6), tmp_path / 'work'
    whole = train(cfg, work)
    path = work / 'epoch_4.pth'
    kept = torch.load(path, weights_only=False)
    more = dict(resume=True, load_from=str(path), custom_hooks=[ResumeHook()])

    # A best checkpoint has no state of the optimiser.
    for key in ('optimizer', 'param_schedulers'):
        del kept[key]
    torch.save(kept, path)
    runner = runner_of(cfg, work, BATCHES, **more)
    settle_schedule(runner)
    log = Log(runner, monkeypatch)
    runner.train()
    assert 'no state of the optimiser' in log.lines[0]
    assert runner.rates == whole.rates[4 * BATCHES :]

    torch.save(dict(state_dict=kept['state_dict']), path)
    runner = runner_of(cfg, work, BATCHES, **more)
    with pytest.raises(ValueError, match='weights only .*load_from='):
        runner.train()


def test_best_of_another_run_and_another_value(tmp_path: Path) -> None:
    checkpoint = dict(
        type='CheckpointHook', save_best='AUC', greater_keys=['AUC'], less_keys=['NME']
    )
    runner = runner_of(edited(AFLW), tmp_path, 1)
    runner._hooks.clear()
    runner.register_hook(checkpoint)
    info = dict(best_ckpt=str(tmp_path / 'best_NME_epoch_2.pth'), best_score=3.0)
    assert _best(runner, info) == {
        'default_hooks.checkpoint.save_best': ('best_NME_epoch_2.pth', 'AUC')
    }
    assert info == {}
    # A better checkpoint does not remove that of the other run.
    info = dict(best_ckpt='other/best_AUC_epoch_2.pth', best_score=0.5)
    assert _best(runner, info) == {} and info == dict(best_score=0.5)
    own = dict(best_ckpt=str(tmp_path / 'best_AUC_epoch_2.pth'), best_score=0.5)
    assert _best(runner, own) == {} and len(own) == 2


def test_where_to_start(tmp_path: Path) -> None:
    def start(resume: str | None) -> tuple[Config, str | None]:
        cfg = Config(dict(work_dir=str(tmp_path), load_from='weights.pth'))
        return cfg, choose_start(cfg, argparse.Namespace(resume=resume))

    cfg, line = start('auto')
    assert line and 'has no checkpoint' in line and cfg.load_from == 'weights.pth'
    with pytest.raises(FileNotFoundError, match=r"'no.pth' does not exist"):
        start('no.pth')
    path = tmp_path / 'epoch_1.pth'
    path.touch()
    cfg, line = start(str(path))
    assert cfg.resume and cfg.load_from == str(path) and line is None
    assert cfg.custom_hooks == [dict(type='rcn_mmpose.ResumeHook')]
