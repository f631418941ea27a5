"""OpenVINO computes exported models like PyTorch; ``nox -s openvino`` installs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.image.crop import Prediction
from rcn_mmpose.inference import OnnxPredictor, TorchPredictor, export, quantize
from rcn_mmpose.inference.loading import find_model
from rcn_mmpose.inference.onnx_export import TOLERANCES, noise_crops
from rcn_mmpose.inference.parity import Parity, compare
from rcn_mmpose.inference.predictor import Predictor
from rcn_mmpose.inference.second_pass import SecondPass
from rcn_mmpose.shipped.catalogue import shipped_models

from .small_model import HEAD, SIDE, build, config, random_crops, write_checkpoint
from .test_onnx import MODELS
from .test_shared_weights import share, write_half

openvino = pytest.importorskip(
    'openvino', reason='OpenVINO is not installed; nox -s openvino installs it'
)
pytest.importorskip('onnxruntime')

# More faces than a face has keypoints; a black crop, whose maps are constant.
CROPS = np.concatenate([random_crops(71), noise_crops((SIDE, SIDE))])
BATCHES = (80, 1, 2, 5, 6, 17, 80)
CALIBRATED = dict(
    HEAD,
    decoder=dict(
        HEAD['decoder'],  # type: ignore[dict-item]
        calibration=dict(temperature=1.7, covariance_scale=0.6),
    ),
)
KINDS: dict[str, dict] = {
    'plain': {},
    'calibrated': dict(head=CALIBRATED),
    'most_probable_cell': dict(
        head=dict(HEAD, decoder=dict(HEAD['decoder'], decoding='argmax'))  # type: ignore[dict-item]
    ),
    **MODELS,
}


def compiled(path: str | Path, batch: int | None = None) -> Any:
    """Compile a model for any batch, or for one batch size."""
    core = openvino.Core()
    model = core.read_model(path)
    if batch is not None:
        model.reshape([batch, SIDE, SIDE])
    # Some processors would compute in bfloat16 otherwise.
    return core.compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})


def predicted(model: Any, crops: np.ndarray) -> Prediction:
    """Predict crops."""
    found = model(crops)
    return found[0], found[1], found[2]


def assert_within_tolerances(parity: Parity) -> None:
    found = {name: getattr(parity, name) for name in TOLERANCES}
    assert all(found[name] <= TOLERANCES[name] for name in TOLERANCES), found


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_of_model(kind: str, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(
        tmp_path / 'a.pth', config(**KINDS[kind]), build(**KINDS[kind])
    )
    predictor = load_model(checkpoint)
    assert isinstance(predictor, TorchPredictor)
    export(predictor, tmp_path / 'a.onnx')
    model = compiled(tmp_path / 'a.onnx')
    expected = predictor.predict_crops(CROPS)
    for batch in BATCHES:
        ours = tuple(part[:batch] for part in expected)
        found = predicted(model, CROPS[:batch])
        assert_within_tolerances(compare(predictor, CROPS[:batch], found, ours))
    fixed = predicted(compiled(tmp_path / 'a.onnx', 80), CROPS)
    assert_within_tolerances(compare(predictor, CROPS, fixed, expected))


def test_weights_of_16_bits_in_a_checkpoint(tmp_path: Path) -> None:
    predictor, path, _ = share(write_half(tmp_path / 'a.pth'))
    assert isinstance(predictor, TorchPredictor)
    found = predicted(compiled(path), CROPS)
    assert_within_tolerances(compare(predictor, CROPS, found))


def test_eight_bits(tmp_path: Path) -> None:
    """Rounding differs between engines; both stay as near to the original."""
    checkpoint = write_checkpoint(tmp_path / 'a.pth', config(), build())
    predictor = load_model(checkpoint)
    assert isinstance(predictor, TorchPredictor)
    export(predictor, tmp_path / 'a.onnx')
    quantize(tmp_path / 'a.onnx', tmp_path / 'b.onnx', CROPS[:24])
    expected = predictor.predict_crops(CROPS)[0]
    ours = OnnxPredictor(tmp_path / 'b.onnx').predict_crops(CROPS)[0]
    model = compiled(tmp_path / 'b.onnx')
    theirs = np.concatenate(
        [predicted(model, CROPS[i : i + 40])[0] for i in range(0, 80, 40)]
    )
    moved = [
        np.median(np.linalg.norm(x - expected, axis=-1), axis=1) for x in (ours, theirs)
    ]
    # By halves of the batch, because faces from the sixth on were wrong.
    for half in (slice(0, 5), slice(5, 40), slice(40, 45), slice(45, 80)):
        assert np.median(moved[1][half]) < 2 * np.median(moved[0][half]) + 0.1


def test_second_pass(tmp_path: Path) -> None:
    """Both passes run the graph, the second one on upright crops."""

    class OpenVinoPredictor(Predictor):
        def _run(self, crops: np.ndarray) -> Prediction:
            return predicted(model, crops)

    checkpoint = write_checkpoint(tmp_path / 'a.pth', config(), build())
    export(load_model(checkpoint), tmp_path / 'a.onnx')
    model = compiled(tmp_path / 'a.onnx')
    options: dict[str, Any] = dict(
        batch_size=20, passes=2, second_pass=SecondPass(((0,), (1,)), 2.0)
    )
    ours = OnnxPredictor(tmp_path / 'a.onnx', **options)
    theirs = OpenVinoPredictor(ours.info, **options)
    image = random_crops(1, side=90)[0]
    boxes = [[i, i, 50 + i, 50 + i] for i in range(20)]
    found, expected = theirs(image, boxes), ours(image, boxes)
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=0.02)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)


@pytest.mark.parametrize('name', shipped_models())
def test_shipped_models(name: str) -> None:
    predictor = load_model(name, runtime='torch')
    assert isinstance(predictor, TorchPredictor)
    size = predictor.info.input_size[0]
    crops = random_crops(70, side=size)
    found = predicted(compiled(find_model(name, 'onnx')), crops)
    assert_within_tolerances(compare(predictor, crops, found))
