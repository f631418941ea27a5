"""A calibration has the same effect in the head, the predictor and ONNX."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rcn_mmpose import load_model
from rcn_mmpose.codecs.calibration import FLOOR, Calibration
from rcn_mmpose.codecs.decoding import read_scores
from rcn_mmpose.inference import export
from rcn_mmpose.io.checkpoint import with_carried_calibration

from .small_model import (
    CODEC,
    DENOISER,
    HEAD,
    build,
    config,
    random_crops,
    write_checkpoint,
)

FITTED = dict(temperature=1.4, covariance_scale=0.7)
CROPS = random_crops(6)


def head(**options: object) -> dict:
    return dict(HEAD, decoder=dict(CODEC, calibration=FITTED), **options)


KINDS = {
    'alone': dict(),
    'joint': dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER),
    'flip': dict(test_cfg=dict(flip_test=True)),
}


def calibrated(path: Path, kind: str) -> Path:
    model = dict(KINDS[kind], head=head())
    return write_checkpoint(path, config(**model), build(**model))


def brute_force(
    scores: np.ndarray, keypoint: np.ndarray, options: dict
) -> tuple[float, np.ndarray]:
    """Compute confidence and covariance of one score map, cell by cell."""
    weights = np.exp(scores.astype(float) / options['temperature'])
    weights /= weights.sum()
    mass, second = 0.0, np.zeros((2, 2))
    for (y, x), weight in np.ndenumerate(weights):
        apart = np.array([x, y]) - keypoint
        second += weight * np.outer(apart, apart)
        mass += weight * (apart @ apart <= 9)
    second += FLOOR * np.eye(2)
    return mass, options['covariance_scale'] * second


@pytest.mark.parametrize('window', [5, None, 0])
@pytest.mark.parametrize('temperature', [1.0, 1.4, 0.6])
def test_calibrated_scores_equal_brute_force(
    window: int | None, temperature: float
) -> None:
    generator = torch.Generator().manual_seed(1)
    scores = 2 * torch.randn(2, 3, 12, 14, generator=generator)
    options = dict(FITTED, temperature=temperature)
    plain = read_scores(scores, window, 3.0)
    found = read_scores(scores, window, 3.0, Calibration(**options))
    assert torch.equal(plain[0], found[0])
    for i, k in np.ndindex(2, 3):
        mass, second = brute_force(
            scores[i, k].numpy(), found[0][i, k].numpy(), options
        )
        assert float(found[1][i, k]) == pytest.approx(mass, abs=1e-5)
        np.testing.assert_allclose(found[2][i, k], second, rtol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
def test_head_predictor_and_onnx_agree(kind: str, tmp_path: Path) -> None:
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    model = build(**KINDS[kind], head=head())
    predictor = load_model(calibrated(tmp_path / 'a.pth', kind))
    keypoints, confidence, covariance = predictor.predict_crops(CROPS)
    plain = load_model(
        write_checkpoint(
            tmp_path / 'b.pth', config(**KINDS[kind]), build(**KINDS[kind])
        )
    ).predict_crops(CROPS)
    np.testing.assert_array_equal(keypoints, plain[0])
    assert np.abs(confidence - plain[1]).max() > 0.01
    assert predictor.info.calibration == FITTED

    # The scores of the head, as in tools/test.py.
    with torch.inference_mode():
        scores = predictor.network.scores(torch.from_numpy(CROPS))
        maps = scores.flatten(2).softmax(-1).view_as(scores)
        preds = model.head.decode(maps)
    found = np.concatenate([p.keypoint_scores for p in preds])
    np.testing.assert_allclose(found, confidence, atol=1e-5)

    export(predictor, tmp_path / 'a.onnx', CROPS)
    exported = load_model(tmp_path / 'a.onnx')
    assert exported.info.calibration == FITTED
    described = json.loads((tmp_path / 'a.json').read_text())
    assert described['calibration'] == FITTED
    theirs = exported.predict_crops(CROPS)
    np.testing.assert_allclose(theirs[0], keypoints, atol=0.01)
    np.testing.assert_allclose(theirs[1], confidence, atol=1e-4)
    np.testing.assert_allclose(theirs[2], covariance, rtol=1e-3, atol=1e-3)


def test_soft_argmax_scores() -> None:
    kind = dict(head=dict(HEAD, type='rcn_mmpose.SoftArgmaxHead'))
    plain = build(**kind).head
    warm = build(head=head(type='rcn_mmpose.SoftArgmaxHead')).head
    maps = torch.randn(2, 5, 40, 40).flatten(2).softmax(-1)
    maps = maps.unflatten(-1, (40, 40))
    first, second = plain.decode(maps)[0], warm.decode(maps)[0]
    np.testing.assert_array_equal(first.keypoints, second.keypoints)
    assert (first.keypoint_scores != second.keypoint_scores).all()


# ------------------------------------------------- config and checkpoint


def test_a_config_without_calibration_uses_that_of_the_checkpoint(
    tmp_path: Path,
) -> None:
    path = calibrated(tmp_path / 'a.pth', 'alone')
    cfg = config()
    found = load_model(cfg, path)
    assert found.info.calibration == FITTED
    assert 'calibration' not in cfg.model.head.decoder  # the input does not change
    np.testing.assert_array_equal(
        found.predict_crops(CROPS)[1], load_model(path).predict_crops(CROPS)[1]
    )


@pytest.mark.parametrize('own', [None, dict(temperature=2.0)])
def test_the_calibration_of_a_config_is_kept(own: dict | None, tmp_path: Path) -> None:
    path = calibrated(tmp_path / 'a.pth', 'alone')
    cfg = config(head=dict(HEAD, decoder=dict(CODEC, calibration=own)))
    expected = own and dict(temperature=2.0, covariance_scale=1.0)
    assert load_model(cfg, path).info.calibration == expected


def carried(**model: object) -> dict:
    return dict(cfg=config(**model).pretty_text)


@pytest.mark.parametrize(
    'other',
    [
        KINDS['joint'],
        KINDS['flip'],
        dict(head=dict(HEAD, decoder=dict(CODEC, decoding='argmax'))),
    ],
)
def test_another_model_gets_no_calibration(
    other: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr(
        'mmengine.logging.print_log', lambda text, *_, **__: said.append(text)
    )
    model = config(**other).model
    assert with_carried_calibration(model, carried(head=head())) is model
    assert len(said) == 1 and 'for a model other than' in said[0]


@pytest.mark.parametrize(
    'meta', [{}, dict(cfg='import os'), dict(cfg='x = 1'), carried()]
)
def test_checkpoints_without_calibration(meta: dict) -> None:
    model = config().model
    assert with_carried_calibration(model, meta) is model


def test_the_denoiser_may_have_another_checkpoint() -> None:
    ours = config(**KINDS['joint'], refiner_checkpoint='elsewhere.pth').model
    meta = carried(**KINDS['joint'], head=head(), refiner_checkpoint=None)
    found = with_carried_calibration(ours, meta)
    assert found['head']['decoder']['calibration'] == FITTED
