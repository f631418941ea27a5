from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch.nn as nn
from mmengine.runner import BaseLoop

from rcn_mmpose.registry import HOOKS


class Loop(BaseLoop):
    def __init__(self) -> None: ...

    def run(self) -> None: ...


def check(
    found: nn.Module,
    wanted: nn.Module,
    training: bool = False,
    resume: bool = False,
    **options: bool,
) -> None:
    hook = HOOKS.build(dict(type='rcn_mmpose.CheckpointCheckHook', **options))
    runner = SimpleNamespace(
        model=wanted,
        _train_loop=Loop() if training else dict(max_epochs=1),
        _resume=resume,
        logger=logging.getLogger('check'),
    )
    hook.after_load_checkpoint(runner, dict(state_dict=found.state_dict()))


def model(body: int, keypoints: int) -> nn.Module:
    return nn.ModuleDict(
        dict(backbone=nn.Conv2d(1, body, 3), head=nn.Conv2d(4, keypoints, 1))
    )


def test_the_same_architecture() -> None:
    check(model(2, 5), model(2, 5))
    check(model(2, 5), model(2, 5), training=True, resume=True)


def test_wrong_shape() -> None:
    with pytest.raises(
        ValueError,
        match=r'backbone.weight has shape \(3, 1, 3, 3\) instead of \(2, 1, ',
    ):
        check(model(3, 5), model(2, 5))


def test_missing_and_unknown_weights() -> None:
    with pytest.raises(ValueError, match='0.bias is unknown; 0.weight is unk'):
        check(nn.Sequential(nn.Conv2d(1, 2, 3)), nn.ReLU())
    with pytest.raises(ValueError, match='bias is missing'):
        check(nn.Conv2d(1, 2, 3, bias=False), nn.Conv2d(1, 2, 3))


def test_many_faults_are_counted() -> None:
    many = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(4)))
    with pytest.raises(ValueError, match='; and 4 more. Give the config'):
        check(many, nn.ReLU())


def test_fine_tuning_may_initialise_the_head(
    caplog: pytest.LogCaptureFixture,
) -> None:
    check(model(2, 5), model(2, 68), training=True)
    assert 'initialised: head.weight has shape (5, 4, 1, 1)' in caplog.text
    for options in (dict(), dict(training=True, resume=True)):
        with pytest.raises(ValueError, match='head.weight has shape'):
            check(model(2, 5), model(2, 68), **options)
    with pytest.raises(ValueError, match='backbone.weight has shape'):
        check(model(3, 5), model(2, 68), training=True)


def test_not_strict() -> None:
    check(model(3, 5), model(2, 5), strict=False)
