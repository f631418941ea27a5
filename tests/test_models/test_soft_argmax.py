"""The loss and the head of RCN+."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.codecs.decoding import mean_position
from rcn_mmpose.models import SoftArgmaxHead, SoftArgmaxLoss
from rcn_mmpose.models.losses.soft_argmax import soft_maps


def score_maps(
    batch: int = 2, size: tuple = (5, 7), dtype: torch.dtype = torch.float32
) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, *size, generator=generator, dtype=dtype)


def expectation(scores: Tensor, beta: float) -> np.ndarray:
    """Position (x, y) of each map, cell by cell."""
    out = np.zeros((*scores.shape[:2], 2))
    for b, maps in enumerate(scores.double().numpy()):
        for k, values in enumerate(maps):
            weights = np.exp(beta * (values - values.max()))
            for i, row in enumerate(weights):
                for j, weight in enumerate(row):
                    out[b, k] += np.array([j, i]) * weight / weights.sum()
    return out


def targets(
    truth: np.ndarray, size: tuple = (5, 7), target: str = 'four'
) -> list[Tensor]:
    codec = CellIndex(size[::-1], target=target)
    encoded = [codec.encode(points[None]) for points in truth]
    return [
        torch.from_numpy(np.concatenate([x[name] for x in encoded]))
        for name in (
            'keypoint_cells',
            'keypoint_cell_weights',
            'keypoint_weights',
        )
    ]


# --------------------------------------------------------------------- loss


@pytest.mark.parametrize('beta', [0.5, 1, 100])
def test_loss_by_hand(beta: float) -> None:
    scores = score_maps()
    truth = np.random.default_rng(0).uniform(0, 4, (2, 3, 2))
    distance = ((expectation(scores, beta) - truth) ** 2).sum(-1)
    loss = SoftArgmaxLoss(beta, loss_weight=3)(scores, *targets(truth))
    assert loss.item() == pytest.approx(3 * distance.mean(), rel=1e-4)


@pytest.mark.parametrize('beta', [1, 100])
def test_mean_position(beta: float) -> None:
    scores = score_maps()
    found = mean_position(soft_maps(scores, beta))
    np.testing.assert_allclose(found, expectation(scores, beta), atol=1e-4)


def test_a_large_beta_takes_the_best_cell() -> None:
    scores = score_maps()
    found = mean_position(soft_maps(scores, 1e4))
    best = scores.flatten(2).argmax(-1)
    expected = torch.stack((best % 7, best // 7), -1).float()
    torch.testing.assert_close(found, expected)


def test_gradient() -> None:
    truth = np.random.default_rng(0).uniform(0, 4, (2, 3, 2))
    cells, weights, _ = targets(truth)
    mask = torch.tensor([[1, 0, 1], [1, 1, 1]])
    assert torch.autograd.gradcheck(
        lambda x: SoftArgmaxLoss(2)(x, cells, weights.double(), mask),
        score_maps(dtype=torch.float64).requires_grad_(),
    )


def test_all_keypoints_count_equally() -> None:
    truth = np.random.default_rng(0).uniform(0, 4, (2, 3, 2))
    cells, weights, mask = targets(truth)
    loss = SoftArgmaxLoss()
    expected = loss(score_maps(), cells, weights, mask)
    torch.testing.assert_close(loss(score_maps(), cells, weights), expected)
    # the size of equal weights does not matter
    torch.testing.assert_close(loss(score_maps(), cells, weights, mask / 16), expected)


@pytest.mark.parametrize('wild', [1.0, math.inf, math.nan])
def test_masked_keypoints_do_not_count(wild: float) -> None:
    truth = np.random.default_rng(0).uniform(0, 4, (2, 3, 2))
    cells, weights, mask = targets(truth)
    scores = score_maps()
    distance = ((expectation(scores, 1) - truth) ** 2).sum(-1)
    kept = np.array([[True, False, True], [True, True, False]])
    scores[~torch.from_numpy(kept)] = wild
    scores.requires_grad_()
    loss = SoftArgmaxLoss()(scores, cells, weights, torch.from_numpy(kept))
    assert loss.item() == pytest.approx(distance[kept].mean(), rel=1e-5)
    loss.backward()
    amount = scores.grad.abs().amax((-2, -1)).numpy()
    assert (amount[~kept] == 0).all()
    assert (amount[kept] > 0).all()


def test_all_masked() -> None:
    scores = score_maps().requires_grad_()
    cells, weights, _ = targets(np.ones((2, 3, 2)))
    loss = SoftArgmaxLoss()(scores, cells, weights, torch.zeros(2, 3))
    assert loss.item() == 0
    loss.backward()
    assert (scores.grad == 0).all()


def test_autocast() -> None:
    cells, weights, mask = targets(np.ones((2, 3, 2)))
    half = score_maps().bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        loss = SoftArgmaxLoss()(half, cells, weights, mask)
    assert loss.dtype == torch.float32
    expected = SoftArgmaxLoss()(half.float(), cells, weights, mask)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize('beta', [0, -1])
def test_beta_is_positive(beta: float) -> None:
    with pytest.raises(ValueError, match=f'beta={beta} must be positive'):
        SoftArgmaxLoss(beta)


def test_wrong_number_of_keypoints() -> None:
    cells, weights, mask = targets(np.ones((2, 3, 2)))
    with pytest.raises(ValueError, match=r'\(2, 3, 5, 7\).*out_channels'):
        SoftArgmaxLoss()(score_maps(), cells[:, :2], weights[:, :2], mask)


# --------------------------------------------------------------------- head


def make_head(beta: float = 1, stride: int = 1) -> SoftArgmaxHead:
    torch.manual_seed(0)
    head = SoftArgmaxHead(
        4,
        3,
        loss=dict(type='rcn_mmpose.SoftArgmaxLoss', beta=beta),
        decoder=dict(
            type='rcn_mmpose.CellIndex',
            input_size=(7 * stride, 5 * stride),
            heatmap_size=(7, 5),
            target='four',
        ),
    )
    torch.nn.init.normal_(head.last_conv.weight, std=0.3)
    return head


def features(seed: int = 0) -> tuple[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(2, 4, 5, 7, generator=generator),)


def samples(stride: int = 1) -> list:
    from mmpose.structures import PoseDataSample

    meta = dict(input_size=(7 * stride, 5 * stride), flip_indices=[0, 2, 1])
    return [PoseDataSample(metainfo=meta) for _ in range(2)]


@pytest.mark.parametrize('beta', [1, 100])
@pytest.mark.parametrize('stride', [1, 4])
def test_predictions(beta: float, stride: int) -> None:
    head = make_head(beta, stride)
    scores = head(features()).detach()
    cells = expectation(scores, beta)
    expected = cells * stride + (stride - 1) / 2
    for i, pred in enumerate(head.predict(features(), samples(stride))):
        np.testing.assert_allclose(pred.keypoints[0], expected[i], atol=1e-3)
        assert ('keypoint_cells' in pred) == (stride == 1)
        if stride == 1:
            assert pred.keypoint_cells.dtype == np.int64
            np.testing.assert_array_equal(
                pred.keypoint_cells[0], np.floor(cells[i] + 0.5)
            )
        for k in range(3):
            p = np.exp(beta * scores[i, k].double().numpy())
            y, x = np.mgrid[:5, :7]
            distance = np.hypot(x - cells[i, k, 0], y - cells[i, k, 1])
            mass = p[distance <= max(3 / stride, 1.5)].sum() / p.sum()
            assert pred.keypoint_scores[0, k] == pytest.approx(mass, abs=1e-5)


def test_flip_test_averages_the_expectations() -> None:
    head = make_head()
    a, b = (expectation(head(features(seed)).detach(), 1) for seed in range(2))
    b = b[:, [0, 2, 1]]
    b[..., 0] = 6 - b[..., 0]
    preds = head.predict([features(0), features(1)], samples(), dict(flip_test=True))
    for i, pred in enumerate(preds):
        np.testing.assert_allclose(pred.keypoints[0], (a[i] + b[i]) / 2, atol=1e-4)


def test_differentiable_keypoints_equal_the_predictions() -> None:
    head = make_head(beta=10, stride=2)
    points = head.keypoints(features())
    for i, pred in enumerate(head.predict(features(), samples(2))):
        np.testing.assert_allclose(points[i].detach(), pred.keypoints[0], atol=1e-5)
    points.sum().backward()
    assert head.last_conv.weight.grad.abs().max() > 0


def test_without_decoder() -> None:
    with pytest.raises(RuntimeError, match='no decoder'):
        SoftArgmaxHead(4, 3).keypoints(features())


def test_a_loss_without_beta() -> None:
    with pytest.raises(ValueError, match='SpatialCrossEntropyLoss has no be'):
        SoftArgmaxHead(4, 3, loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss'))
