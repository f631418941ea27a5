from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import nn

from rcn_mmpose.inference import torch_predictor as face_network
from rcn_mmpose.inference.torch_predictor import FaceNetwork

from .small_model import CODEC, DENOISER, HEAD, SIDE, build, random_crops

FLIP = [1, 0, 2, 4, 3]
CROPS = random_crops(6)
MODELS = {
    'plain': dict(),
    'cells': dict(head=dict(HEAD, decoder=dict(CODEC, decoding='argmax'))),
    'radius': dict(
        head=dict(HEAD, decoder=dict(CODEC, score_radius=1.0)),
    ),
    'flip': dict(test_cfg=dict(flip_test=True)),
    'soft': dict(
        head=dict(
            HEAD,
            type='rcn_mmpose.SoftArgmaxHead',
            loss=dict(type='rcn_mmpose.SoftArgmaxLoss', beta=2.0),
        )
    ),
    'soft flip': dict(
        head=dict(
            HEAD,
            type='rcn_mmpose.SoftArgmaxHead',
            loss=dict(type='rcn_mmpose.SoftArgmaxLoss', beta=0.5),
        ),
        test_cfg=dict(flip_test=True),
    ),
    'sumnet': dict(
        backbone=dict(type='rcn_mmpose.SumNet', num_branches=3),
        head=dict(HEAD, type='rcn_mmpose.SumNetHead', in_channels=(16, 32, 48)),
    ),
    'joint': dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER, rounds=2),
}


def by_the_model(model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Predict by the model, as tools/test.py does; return pixels of the crop."""
    samples = []
    for _ in CROPS:
        sample = PoseDataSample(
            metainfo=dict(
                input_size=(SIDE, SIDE),
                input_center=np.full(2, SIDE / 2),
                input_scale=np.full(2, SIDE),
                flip_indices=FLIP,
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1)
        )
        samples.append(sample)
    data = dict(
        inputs=[torch.from_numpy(c)[None] for c in CROPS],
        data_samples=samples,
    )
    with torch.inference_mode():
        found = [x.pred_instances for x in model.test_step(data)]
    return (
        np.concatenate([x.keypoints for x in found]),
        np.concatenate([x.keypoint_scores for x in found]),
    )


@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('split', [True, False])
def test_the_network_predicts_like_the_model(name: str, split: bool) -> None:
    model = build(**MODELS[name])
    expected = by_the_model(model)
    network = FaceNetwork(model, flip_indices=FLIP, split=split)
    with torch.inference_mode():
        found = network(torch.from_numpy(CROPS))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-3)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
    assert found[2].shape == (6, 5, 2, 2)


@pytest.mark.parametrize('split', [True, False])
def test_the_model_is_copied(split: bool) -> None:
    model = build()
    before = deepcopy(model.state_dict())
    FaceNetwork(model, precision='bf16', split=split)
    assert type(model.backbone).__name__ == 'RCN'
    for name, value in model.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])


def test_score_maps_are_decoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = FaceNetwork(build())
    crops = torch.from_numpy(CROPS)
    with torch.inference_mode():
        whole = network(crops)
        monkeypatch.setattr(face_network, 'DECODED_CELLS', 2 * 5 * SIDE**2 + 1)
        parts = network(crops)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_stride_scales_keypoints_to_pixels() -> None:
    """For maps of half the resolution, positions and deviations are doubled."""
    decoder = dict(CODEC, heatmap_size=(SIDE // 2, SIDE // 2))
    model = build(head=dict(HEAD, decoder=decoder))
    network = FaceNetwork(model)
    half = [torch.full((1, 5, SIDE // 2, SIDE // 2), -99.0)]
    half[0][..., 3, 7] = 0
    half[0][..., 3, 8] = 0
    network.scores = lambda crops: half[0]
    keypoints, _, covariance = network(torch.zeros(1, SIDE, SIDE))
    # The centres of the cells 7 and 8 lie at 14.5 and 16.5 pixels.
    np.testing.assert_allclose(keypoints[0, 0], (15.5, 6.5), atol=1e-5)
    np.testing.assert_allclose(covariance[0, 0], [[1, 0], [0, 0]], atol=1e-5)


@pytest.mark.parametrize('name', ['plain', 'sumnet', 'soft'])
def test_bf16_is_close_to_float32(name: str) -> None:
    model = build(**MODELS[name])
    crops = torch.from_numpy(CROPS)
    with torch.inference_mode():
        exact = FaceNetwork(model).scores(crops)
        rounded = FaceNetwork(model, precision='bf16').scores(crops)
    apart = (exact - rounded.float()).abs().max() / exact.abs().max()
    assert 0 < apart < 0.05


def test_bf16_keeps_the_denoiser_in_float32() -> None:
    model = build(**MODELS['joint'])
    network = FaceNetwork(model, precision='bf16')
    kinds = {x.dtype for x in network.model.refiner.parameters()}
    assert kinds == {torch.float32}
    with torch.inference_mode():
        found = network(torch.from_numpy(CROPS))
    assert all(x.isfinite().all() for x in found)


def test_best_batch_size() -> None:
    assert FaceNetwork(build()).best_batch_size() == 64
    wide = build(head=dict(HEAD, out_channels=300))
    assert FaceNetwork(wide).best_batch_size() == 2**21 // (300 * 40 * 40)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(precision='fp16'), "precision='fp16'"),
        (dict(), 'the mirror pairs'),
    ],
)
def test_invalid_options(options: dict, message: str) -> None:
    model = build(test_cfg=dict(flip_test=True))
    with pytest.raises(ValueError, match=message):
        FaceNetwork(model, **options)


@pytest.mark.parametrize(
    'model',
    [
        dict(data_preprocessor=dict(type='PoseDataPreprocessor')),
        dict(
            backbone=dict(type='rcn_mmpose.TCDCN'),
            head=dict(type='RegressionHead', in_channels=100, num_joints=5),
        ),
        dict(head=dict(HEAD, decoder=None)),
    ],
)
def test_other_models_are_refused(model: dict) -> None:
    with pytest.raises(ValueError, match='LCNDataPreprocessor'):
        FaceNetwork(build(**model))
