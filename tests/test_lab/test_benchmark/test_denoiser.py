from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from rcn_mmpose.lab.benchmark import denoiser
from rcn_mmpose.models.backbones import LargeKernelNet


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> LargeKernelNet:
    """Small kernels on whole maps."""
    torch.manual_seed(0)
    net = LargeKernelNet(in_channels=3, channels=4, num_convs=2, kernel_size=9)
    net.init_weights()
    for conv in net.convs:
        torch.nn.init.normal_(conv.bias)
    monkeypatch.setattr(
        denoiser,
        'build',
        lambda config, device: SimpleNamespace(backbone=net.eval()),
    )
    return net


def test_groups() -> None:
    plans = denoiser.groups([2], 16, 1, 'cpu')
    assert list(plans) == [
        'configs/denoiser_300w.py, forward, 2 threads',
        'configs/denoiser_300w.py, training step, 2 threads',
        'whole models in fp32, 2 threads',
    ]
    forward, step, models = plans.values()
    assert [plan.label for plan in forward] == [
        'direct, 1 faces',
        'spectra, 1 faces',
        'spectra, 16 faces',
    ]
    assert [plan.arguments['training'] for plan in step] == [True] * 3
    # The network alone comes first: all ratios are relative to it.
    assert models[0].arguments == dict(
        config='configs/rcn_300w.py', batch=16, device='cpu'
    )


def test_direct_layers(net: LargeKernelNet) -> None:
    maps = denoiser.random_maps(2, 3, 'cpu')
    assert maps.shape == (2, 3, 80, 80)
    assert maps.sum((2, 3)).eq(1).all()
    out = maps
    for conv in net.convs:
        out = F.conv2d(out, conv.weight, conv.bias, padding=4).relu()
    torch.testing.assert_close(denoiser.direct_convolutions(net.convs)(maps), out)


def test_error_is_that_of_the_spectra(net: LargeKernelNet) -> None:
    cases = denoiser.set_up_layers('spectra', False, 2, 'cpu')
    assert cases[''].faces == 2
    assert 0 < cases[''].facts()['error'] < 1e-5
    # A wrong weight changes the error.
    forward = net.forward
    net.forward = lambda maps: (forward(maps)[0] * 1.01,)
    wrong = denoiser.set_up_layers('spectra', False, 2, 'cpu')[''].facts()
    assert wrong['error'] == pytest.approx(0.01, rel=1e-3)


def test_relative_error() -> None:
    found = torch.tensor([1.0, -4.0])
    exact = torch.tensor([1.5, -4.0])
    assert denoiser.relative_error(found, exact) == 0.5 / 4


@pytest.mark.parametrize('way', ['direct', 'spectra'])
def test_training_step_reaches_all_weights(
    net: LargeKernelNet, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = []
    directly = denoiser.direct_convolutions
    monkeypatch.setattr(
        denoiser,
        'direct_convolutions',
        lambda layers: networks.append(directly(layers)) or networks[0],
    )
    case = denoiser.set_up_layers(way, True, 1, 'cpu')['']
    case.run()
    trained = networks[0] if way == 'direct' else net
    for weights in trained.parameters():
        assert weights.grad.abs().max() > 0
    assert (case.most_turns < 10) == (way == 'direct')
    assert case.facts() == {}


def test_whole_models(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Model:
        head = SimpleNamespace(out_channels=7)

        def __call__(self, inputs: torch.Tensor, *_: object, mode: str) -> None:
            calls.append((tuple(inputs.shape), mode, torch.is_grad_enabled()))

    monkeypatch.setattr(denoiser, 'build', lambda config, device: Model())
    denoiser.set_up_model('rcn.py', 3, 'cpu')[''].run()
    Model.num_keypoints = 7  # a denoiser
    denoiser.set_up_model('denoiser.py', 2, 'cpu')[''].run()
    assert calls == [
        ((3, 1, 80, 80), 'tensor', False),
        ((2, 7, 80, 80), 'tensor', False),
    ]
