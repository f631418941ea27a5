"""A compiled network gives the same results, and its hook does not change the rest."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
import torch.nn as nn
from mmengine.model import BaseModel, MMDistributedDataParallel
from torch import Tensor

from rcn_mmpose.models.backbones import RCN
from rcn_mmpose.registry import HOOKS


class Network(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = RCN(num_branches=4, arch='mtfl')

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone(x)[-1]


@pytest.fixture
def calls() -> list[tuple]:
    """Shapes of the images that each compiled graph received."""
    return []


@pytest.fixture
def hook(calls: list) -> HOOKS:
    def backend(graph: torch.fx.GraphModule, inputs: list) -> Callable:
        def run(*arguments: Tensor) -> tuple:
            calls.append([x.shape for x in arguments if x.ndim == 4 and x.shape[2] > 9])
            return graph(*arguments)

        return run

    yield HOOKS.build(dict(type='rcn_mmpose.CompileHook', backend=backend))
    torch.compiler.reset()
    torch.compiler.set_stance('default')


@pytest.fixture
def model() -> Network:
    torch.manual_seed(0)
    return Network()


def crops(count: int) -> Tensor:
    return torch.rand(count, 1, 80, 80, generator=torch.manual_seed(count))


def test_same_network(model: Network, hook: HOOKS, calls: list) -> None:
    plain = copy.deepcopy(model)
    hook.before_train(SimpleNamespace(model=model))
    hook.before_train_epoch(None)
    assert list(model.state_dict()) == list(plain.state_dict())
    for network in (plain, model):
        network(crops(2)).square().mean().backward()
    assert len(calls) == 1
    torch.testing.assert_close(model(crops(2)), plain(crops(2)))
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_validation_is_not_compiled(model: Network, hook: HOOKS, calls: list) -> None:
    hook.before_train(SimpleNamespace(model=model))
    hook.before_val_epoch(None)
    model(crops(3))
    assert calls == []
    hook.after_val_epoch(None, {})
    model(crops(3))
    assert len(calls) == 1
    # The copy of a moving average has separate weights.
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weights in other.parameters():
            weights.zero_()
    assert not torch.equal(other(crops(3)), model(crops(3)))


def test_each_batch_size_is_compiled_separately(
    model: Network, hook: HOOKS, calls: list
) -> None:
    """A graph for all sizes would be slower."""
    hook.before_train(SimpleNamespace(model=model))
    for count in (2, 3, 2):
        model(crops(count))
    # Symbolic sizes would be arguments that are not tensors.
    assert calls == [[(n, 1, 80, 80)] for n in (2, 3, 2)]


def test_model_inside_a_wrapper(model: Network, hook: HOOKS, calls: list) -> None:
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = model
    hook.before_train(SimpleNamespace(model=wrapper))
    model(crops(2))
    assert len(calls) == 1


def test_nothing_to_compile(hook: HOOKS) -> None:
    with pytest.raises(ValueError, match='Linear has no backbone'):
        hook.before_train(SimpleNamespace(model=nn.Linear(1, 1)))


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    monkeypatch.setenv('CXX', 'no-such-compiler')
    # A test with the config of a training needs no compiler.
    hook = HOOKS.build(dict(type='rcn_mmpose.CompileHook'))
    with pytest.raises(ValueError, match="'no-such-compiler' is not.*CXX"):
        hook.before_train(SimpleNamespace(model=Network()))
