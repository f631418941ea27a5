from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch.nn as nn

from rcn_mmpose.registry import HOOKS


def check(found: nn.Module, wanted: nn.Module, **options: bool) -> None:
    hook = HOOKS.build(dict(type='CheckpointCheckHook', **options))
    runner = SimpleNamespace(model=wanted)
    hook.after_load_checkpoint(runner, dict(state_dict=found.state_dict()))


def test_the_same_architecture() -> None:
    check(nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3))


def test_another_shape() -> None:
    with pytest.raises(
        ValueError, match=r'weight has shape \(2, 1, 5, 5\) instead of'
    ):
        check(nn.Conv2d(1, 2, 5), nn.Conv2d(1, 2, 3))


def test_missing_and_unknown_weights() -> None:
    with pytest.raises(ValueError, match='0.bias is unknown; 0.weight is unk'):
        check(nn.Sequential(nn.Conv2d(1, 2, 3)), nn.ReLU())
    with pytest.raises(ValueError, match='bias is missing'):
        check(nn.Conv2d(1, 2, 3, bias=False), nn.Conv2d(1, 2, 3))


def test_on_purpose() -> None:
    check(nn.Conv2d(1, 2, 5), nn.Conv2d(1, 2, 3), strict=False)
