from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from types import SimpleNamespace

import pytest
import torch
import torch.nn as nn
from mmengine.config import Config

from rcn_mmpose.engine.config_edits import enable_amp
from rcn_mmpose.engine.cpu_amp import amp_pays
from rcn_mmpose.registry import HOOKS, OPTIM_WRAPPERS


def test_channels_last_changes_only_the_layout() -> None:
    model = nn.Conv2d(4, 8, 3)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    parameter = model.weight
    HOOKS.build(dict(type='rcn_mmpose.ChannelsLastHook')).before_run(
        SimpleNamespace(model=model)
    )
    assert model.weight is parameter  # the optimiser keeps the same parameter
    assert parameter.is_contiguous(memory_format=torch.channels_last)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_cpu_amp_computes_in_bfloat16_and_steps() -> None:
    model = nn.Linear(4, 1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type='rcn_mmpose.CPUAmpOptimWrapper',
            optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        )
    )
    x = torch.ones(2, 4)
    with wrapper.optim_context(model):
        out = model(x)
    assert out.dtype == torch.bfloat16
    assert model(x).dtype == torch.float32  # no autocast outside the context
    before = model.bias.item()
    wrapper.update_params(out.float().mean())
    # The derivative of the mean with respect to the bias is 1.
    assert model.bias.item() == pytest.approx(before - 1, abs=1e-6)


@pytest.mark.parametrize(
    ('gpu', 'cpu', 'pays'),
    [(False, False, False), (False, True, True), (True, False, True)],
)
def test_amp_pays_depends_on_the_hardware(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, cpu: bool, pays: bool
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    monkeypatch.setattr(torch.cpu, '_is_amx_tile_supported', lambda: False)
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: cpu)
    monkeypatch.setattr(torch.ops.mkldnn, '_is_mkldnn_bf16_supported', lambda: True)
    assert amp_pays() is pays


@pytest.mark.slow
@pytest.mark.parametrize('limit', ['AVX2', 'SSE41'])
def test_a_limit_on_the_instructions_counts(limit: str) -> None:
    """The same program on a processor of an older kind."""
    code = (
        'from rcn_mmpose.environment.bfloat16 import cpu_has_bfloat16; '
        'print(cpu_has_bfloat16())'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'ONEDNN_MAX_CPU_ISA': limit},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == 'False\n'


@pytest.mark.parametrize(
    ('amp', 'has', 'kind', 'said'),
    [
        (None, True, 'OptimWrapper', None),
        ('auto', True, 'rcn_mmpose.CPUAmpOptimWrapper', None),
        ('auto', False, 'OptimWrapper', 'computes in float32'),
        ('always', False, 'rcn_mmpose.CPUAmpOptimWrapper', None),
    ],
)
def test_amp_falls_back_to_float32(
    monkeypatch: pytest.MonkeyPatch,
    amp: str | None,
    has: bool,
    kind: str,
    said: str | None,
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('rcn_mmpose.engine.cpu_amp.cpu_has_bfloat16', lambda: has)
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    message = enable_amp(cfg, Namespace(amp=amp))
    assert cfg.optim_wrapper.type == kind
    assert message is None if said is None else said in str(message)


def test_amp_pays_without_the_private_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name in ('_is_amx_tile_supported', '_is_avx512_bf16_supported'):
        monkeypatch.delattr(torch.cpu, name)
    assert amp_pays() is False
