from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from rcn_mmpose.lab.benchmark import predict

from .small_experiment import write_config

CONFIGS = Path(__file__).parents[3] / 'configs'


@pytest.fixture
def small(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With 12 faces to train and 4 to test."""
    return write_config(converted, tmp_path, monkeypatch)


def test_groups() -> None:
    plans = predict.groups(
        ['a.py', 'b.py'], [1], 'f', 'cpu', ['a.pth', 'b.pth'], ['x/b.onnx']
    )
    a, b = plans.values()
    assert [plan.label for plan in a] == [
        'network alone',
        'predictor, fp32',
        'predictor, bf16',
    ]
    assert a[1].arguments == dict(
        config='a.py',
        folder='f',
        options=dict(model='a.py', checkpoint='a.pth', precision='fp32', device='cpu'),
    )
    assert b[-1].label == 'predictor, b.onnx'
    assert b[-1].arguments['options'] == dict(model='x/b.onnx')
    (without,) = predict.groups(['a.py'], [1], 'f', 'cpu', [], []).values()
    assert without[1].arguments['options']['checkpoint'] == ''


@pytest.mark.parametrize(
    ('name', 'parameters'), [('aflw', 310_229), ('300w', 1_095_492)]
)
def test_complexity(name: str, parameters: int) -> None:
    """Table 2's and Table 4's parameters, and every product of a layer."""
    cfg = Config.fromfile(CONFIGS / f'rcn_{name}.py')
    found = predict.complexity(cfg.model, (80, 80))
    assert found['params_m'] == parameters / 1e6
    products = []
    network = predict._network(cfg.model, 'cpu')
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda conv, _, out: products.append(
                    conv.weight.numel() * out.shape[2] * out.shape[3]
                )
            )
    predict._forward(network, torch.rand(1, 1, 80, 80), torch.channels_last)()
    assert found['gmacs'] == pytest.approx(sum(products) / 1e9, rel=0.05)


def test_whole_path(small: str, tmp_path: Path) -> None:
    """The dataset has 12 faces."""
    options = dict(model=small, checkpoint='', precision='fp32', device='cpu')
    cases = predict.set_up_predictor(small, str(tmp_path), options)
    assert {name: case.faces for name, case in cases.items()} == {
        'whole path, batch 1': 1,
        'whole path, batch 12': 12,
        'crop to keypoints, batch 1': 1,
        'crop to keypoints, batch 12': 12,
    }
    whole = cases['whole path, batch 12'].run()
    assert whole.keypoints.shape == (12, 5, 2) and whole.found.all()
    first = cases['whole path, batch 1'].run()
    assert first.keypoints[0] == pytest.approx(whole.keypoints[0], abs=1e-2)
    crops = cases['crop to keypoints, batch 12'].run()
    assert crops[1] == pytest.approx(whole.confidence, abs=1e-4)
    assert cases['whole path, batch 1'].facts() == dict(on='mtfl_train')


def test_networks(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ratios are relative to the first case."""
    monkeypatch.setattr(predict, 'FACES', 2)
    monkeypatch.setattr(predict, 'LARGE_BATCH', 2)
    cases = predict.set_up_networks(small, 'cpu')
    assert list(cases)[0] == 'fp32, channels_last, batch 1'
    shapes = {name: case.run().shape for name, case in cases.items()}
    assert shapes.pop('fp32, NCHW, batch 2') == (2, 5, 80, 80)
    assert shapes.pop('fp32, channels_last, batch 1') == (1, 5, 80, 80)
    name = 'HRNetV2-W18 of MMPose, 256x256, batch 2'
    assert shapes.pop(name) == (2, 68, 64, 64)
    # MMPose's table: 4.7 GMAC, 9.65 million parameters
    facts = cases[name].facts()
    assert facts['params_m'] == pytest.approx(9.65, abs=0.01)
    assert facts['gmacs'] == pytest.approx(4.7, abs=0.1)
