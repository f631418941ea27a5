from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rcn_mmpose.models import SpatialCrossEntropyLoss


def example(
    batch: int = 3,
    keypoints: int = 4,
    size: tuple[int, int] = (5, 7),
    targets: int = 1,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """Score maps, target cells and their weights."""
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(batch, keypoints, *size, generator=generator, dtype=dtype)
    cells = torch.randint(
        0,
        size[0] * size[1],
        (batch, keypoints, targets),
        generator=generator,
    )
    weights = torch.rand(batch, keypoints, targets, generator=generator, dtype=dtype)
    return scores, cells, weights / weights.sum(-1, keepdim=True)


def test_one_cell_is_cross_entropy() -> None:
    scores, cells, weights = example()
    expected = F.cross_entropy(scores.reshape(12, 35), cells.reshape(12))
    loss = SpatialCrossEntropyLoss()(scores, cells, weights)
    assert loss.shape == ()
    torch.testing.assert_close(loss, expected)


def test_four_cells_are_cross_entropy_to_a_distribution() -> None:
    scores, cells, weights = example(targets=4)
    dense = torch.zeros(12, 35)
    for i in range(12):
        for c in range(4):
            # the same cell may occur twice
            dense[i, cells.view(12, 4)[i, c]] += weights.view(12, 4)[i, c]
    expected = F.cross_entropy(scores.reshape(12, 35), dense)
    loss = SpatialCrossEntropyLoss()(scores, cells, weights)
    torch.testing.assert_close(loss, expected)


def test_flat_maps() -> None:
    _, cells, weights = example(targets=4)
    loss = SpatialCrossEntropyLoss()(torch.zeros(3, 4, 5, 7), cells, weights)
    assert loss.item() == pytest.approx(math.log(35), abs=1e-5)


def test_large_scores() -> None:
    scores, cells, weights = example()
    scores = scores * 1e4 - 3e4
    loss = SpatialCrossEntropyLoss()(scores, cells, weights)
    expected = F.cross_entropy(scores.reshape(12, 35), cells.reshape(12))
    assert loss.isfinite()
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize('targets', [1, 4])
def test_gradient(targets: int) -> None:
    scores, cells, weights = example(2, 2, (3, 4), targets, dtype=torch.float64)
    keypoint_weights = torch.tensor([[1, 0], [1, 1]])
    assert torch.autograd.gradcheck(
        lambda x: SpatialCrossEntropyLoss()(x, cells, weights, keypoint_weights),
        scores.requires_grad_(),
    )


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype: torch.dtype) -> None:
    scores, cells, weights = example(targets=4)
    half = scores.to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype):
        loss = SpatialCrossEntropyLoss()(half, cells, weights)
    assert loss.dtype == torch.float32
    log_p = half.detach().float().view(3, 4, 35).log_softmax(-1)
    expected = -(weights * log_p.gather(-1, cells)).sum(-1).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    loss.backward()
    assert half.grad.dtype == dtype
    assert half.grad.isfinite().all()


# ----------------------------------------------------------------- masking


@pytest.mark.parametrize('kind', [torch.float32, torch.int64, torch.bool])
def test_masked_keypoints_do_not_count(kind: torch.dtype) -> None:
    scores, cells, weights = example()
    mask = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]], dtype=kind)
    kept = [(0, 0), (0, 2), (0, 3), (2, 0), (2, 1), (2, 3)]
    expected = sum(
        F.cross_entropy(scores[b, k].flatten()[None], cells[b, k]) for b, k in kept
    )
    loss = SpatialCrossEntropyLoss()(scores, cells, weights, mask)
    torch.testing.assert_close(loss, expected / len(kept))


@pytest.mark.parametrize('wild', [1.0, math.inf, -math.inf, math.nan])
def test_gradient_of_masked_maps_is_zero(wild: float) -> None:
    """For any values; -inf on the target makes the loss of a map infinite."""
    scores, cells, weights = example()
    expected = scores.clone().requires_grad_()
    scores[1, 2].flatten()[cells[1, 2]] = wild
    scores[2, 0, 1, 1] = wild
    scores.requires_grad_()
    mask = torch.ones(3, 4)
    mask[1, 2] = mask[2, 0] = 0
    loss = SpatialCrossEntropyLoss()(scores, cells, weights, mask)
    loss.backward()
    assert (scores.grad[1, 2] == 0).all()
    assert (scores.grad[2, 0] == 0).all()

    log_p = expected.view(3, 4, 35).log_softmax(-1)
    plain = -log_p.gather(-1, cells)[..., 0][mask > 0].mean()
    plain.backward()
    torch.testing.assert_close(loss, plain)
    kept = mask > 0
    torch.testing.assert_close(scores.grad[kept], expected.grad[kept])
    assert scores.grad[kept].abs().amax((-2, -1)).min() > 0


def test_all_masked() -> None:
    scores, cells, weights = example()
    scores.requires_grad_()
    loss = SpatialCrossEntropyLoss(5.0)(scores, cells, weights, torch.zeros(3, 4))
    assert loss.item() == 0
    loss.backward()
    assert (scores.grad == 0).all()


def test_weighted_keypoints() -> None:
    scores, cells, weights = example(1, 2)
    single = [
        F.cross_entropy(scores[0, k].flatten()[None], cells[0, k]) for k in range(2)
    ]
    loss = SpatialCrossEntropyLoss()(scores, cells, weights, torch.tensor([[3.0, 0.5]]))
    torch.testing.assert_close(loss, (3 * single[0] + 0.5 * single[1]) / 3.5)


def test_small_weights_and_no_faces() -> None:
    scores, cells, weights = example()
    loss = SpatialCrossEntropyLoss()
    torch.testing.assert_close(
        loss(scores, cells, weights, torch.full((3, 4), 1 / 16)),
        loss(scores, cells, weights),
    )
    nobody = loss(scores[:0], cells[:0], weights[:0])
    assert nobody.item() == 0


def test_loss_weight() -> None:
    """``loss_weight=K`` gives the paper's sum over keypoints."""
    scores, cells, weights = example()
    expected = F.cross_entropy(
        scores.reshape(12, 35), cells.reshape(12), reduction='sum'
    )
    loss = SpatialCrossEntropyLoss(loss_weight=4)(scores, cells, weights)
    torch.testing.assert_close(loss, expected / 3)


# ------------------------------------------------------------------ errors


def test_wrong_number_of_keypoints() -> None:
    scores, cells, weights = example()
    with pytest.raises(ValueError, match='4 score maps.*out_channels'):
        SpatialCrossEntropyLoss()(scores, cells[:, :3], weights[:, :3])


@pytest.mark.parametrize(
    ('cut', 'words'),
    [
        (lambda s, c, w, k: (s[0], c, w, k), r'\(B, K, H, W\)'),
        (lambda s, c, w, k: (s, c[..., 0], w, k), r'\(B, K, C\)'),
        (lambda s, c, w, k: (s[:2], c, w, k), 'each of 2 images'),
        (lambda s, c, w, k: (s, c, w[..., :1], k), 'cell_weights'),
        (lambda s, c, w, k: (s, c, w, k[:, :2]), 'keypoint_weights'),
        (lambda s, c, w, k: (s, c, w, k[..., None]), 'keypoint_weights'),
    ],
)
def test_wrong_shapes(cut: callable, words: str) -> None:
    arguments = cut(*example(targets=2), torch.ones(3, 4))
    with pytest.raises(ValueError, match=words):
        SpatialCrossEntropyLoss()(*arguments)


@pytest.mark.parametrize('cell', [-1, 35, 6399])
def test_cells_outside_the_map(cell: int) -> None:
    scores, cells, weights = example()
    cells[1, 1, 0] = cell
    with pytest.raises(ValueError, match='map of 5x7 has cells 0 to 34'):
        SpatialCrossEntropyLoss()(scores, cells, weights)
