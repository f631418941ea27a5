"""ONNX models that read their weights from a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

from rcn_mmpose import load_model
from rcn_mmpose.inference import export
from rcn_mmpose.inference.loading import OnnxPredictor
from rcn_mmpose.inference.shared_weights import describe_shared, share_weights
from rcn_mmpose.inference.split_upsampling import phase_weights
from rcn_mmpose.shipped.catalogue import describe_file

from .small_model import (
    DENOISER,
    build,
    config,
    random_crops,
    write_checkpoint,
)

JOINT = dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER)
KERNELS = dict(  # 3x3, 5x5 and 7x7 on an upsampled map
    backbone=dict(
        type='rcn_mmpose.RCN',
        num_branches=4,
        arch=dict(
            trunk=((16, 3),) * 4,
            branches=(((16, 3),), ((16, 5),), ((16, 7),), ((16, 5),)),
        ),
    )
)


def write_half(path: Path, seed: int = 0, **model: object) -> Path:
    """Write a checkpoint with weights of 16 bits."""
    cfg = config(**model)
    write_checkpoint(path, cfg, build(seed, **model))
    content = torch.load(path, weights_only=False)
    content['state_dict'] = {
        name: weight.half() if weight.ndim > 1 else weight
        for name, weight in content['state_dict'].items()
    }
    torch.save(content, path)
    return path


def share(checkpoint: Path) -> tuple[object, Path, int]:
    """Export a checkpoint, then share its weights with the .onnx file."""
    predictor = load_model(checkpoint)
    path = checkpoint.with_suffix('.onnx')
    export(predictor, path)
    before = path.stat().st_size
    path.write_bytes(share_weights(path, predictor.network, checkpoint))
    sha256 = (describe_file(x)['sha256'] for x in (path, checkpoint))
    first, second = sha256
    text = describe_shared(path, first, checkpoint.name, second)
    path.with_suffix('.json').write_bytes(text)
    return predictor, path, before


@pytest.mark.parametrize('model', [KERNELS, JOINT], ids=['kernels', 'joint'])
def test_shared_weights_do_not_change_predictions(tmp_path: Path, model: dict) -> None:
    predictor, path, before = share(write_half(tmp_path / 'a.pth', **model))
    numbers = sum(p.numel() for p in build(**model).parameters())
    assert path.stat().st_size < before - 4 * 0.9 * numbers
    crops = random_crops(4)
    ours, its = predictor.predict_crops(crops), OnnxPredictor(path).predict_crops(crops)
    for one, other, most in zip(ours, its, (0.01, 1e-4, 0.05), strict=True):
        np.testing.assert_allclose(one, other, atol=most)


def test_the_weights_come_from_the_checkpoint(tmp_path: Path) -> None:
    """Negating weights in the checkpoint file changes the prediction."""
    _, path, _ = share(write_half(tmp_path / 'a.pth'))
    crops = random_crops(2)
    before = OnnxPredictor(path).predict_crops(crops)
    weights = tmp_path / 'a.pth'
    content = weights.read_bytes()
    name = 'head.last_conv.weight'
    state = torch.load(weights, weights_only=False)['state_dict']
    kernel = state[name].numpy().tobytes()
    assert content.count(kernel) == 1
    other = (-state[name]).numpy().tobytes()
    weights.write_bytes(content.replace(kernel, other))
    with pytest.raises(ValueError, match=r'another model than .*a\.pth'):
        OnnxPredictor(path)
    sha256 = (describe_file(x)['sha256'] for x in (path, weights))
    first, second = sha256
    text = describe_shared(path, first, 'a.pth', second)
    path.with_suffix('.json').write_bytes(text)
    after = OnnxPredictor(path).predict_crops(crops)
    assert np.abs(before[0] - after[0]).max() > 1


def test_missing_weights(tmp_path: Path) -> None:
    _, path, _ = share(write_half(tmp_path / 'a.pth'))
    (tmp_path / 'a.pth').unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.pth.*holds the weights'):
        OnnxPredictor(path)


def test_weights_of_another_model(tmp_path: Path) -> None:
    predictor = load_model(write_half(tmp_path / 'a.pth'))
    export(predictor, tmp_path / 'a.onnx')
    other = write_half(tmp_path / 'b.pth', seed=1)
    with pytest.raises(ValueError, match="not among the weights of 'b.pth'"):
        share_weights(tmp_path / 'a.onnx', predictor.network, other)


def test_weights_in_32_bits(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / 'a.pth', config(), build())
    predictor = load_model(path)
    export(predictor, tmp_path / 'a.onnx')
    with pytest.raises(ValueError, match='in half precision'):
        share_weights(tmp_path / 'a.onnx', predictor.network, path)


def test_phase_weights_are_a_linear_map() -> None:
    """The matrix of phase_weights on unit kernels applies to all kernels."""
    kernels = torch.randn(2, 3, 5, 5)
    units = phase_weights(torch.eye(25).view(25, 1, 5, 5)).view(4, 25, 9)
    by_units = torch.einsum('oik,pkm->poim', kernels.flatten(2), units).reshape(
        8, 3, 3, 3
    )
    torch.testing.assert_close(by_units, phase_weights(kernels))
