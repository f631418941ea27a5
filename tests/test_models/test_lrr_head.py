from __future__ import annotations

import numpy as np
import pytest
import torch
from by_hand import randomize
from torch import Tensor

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.models import LRRHead, SpatialCrossEntropyLoss
from rcn_mmpose.models.heads.lrr_head import patch_basis

CHANNELS = (3, 4, 2)


def features(sides: tuple = (8, 4, 2)) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(2, c, side, side, generator=generator)
        for c, side in zip(CHANNELS, sides, strict=True)
    )


def make_head(**options: object) -> LRRHead:
    head = LRRHead(CHANNELS, 5, num_basis=4, **options)
    randomize(head.last_conv)
    return head


# -------------------------------------------------------------------- basis


@pytest.mark.parametrize('num_basis', [1, 3, 10, 64])
def test_basis_is_the_best_for_peaks(num_basis: int) -> None:
    """No orthonormal set approximates the peaks better (Eckart and Young)."""
    basis = patch_basis(num_basis).double().flatten(1)
    assert basis.shape == (num_basis, 64)
    torch.testing.assert_close(
        basis @ basis.T,
        torch.eye(num_basis, dtype=torch.float64),
        atol=1e-5,
        rtol=0,
    )
    y, x = np.mgrid[:8, :8]
    peaks = np.stack(
        [
            np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 8).ravel()
            for cx in range(-8, 16)
            for cy in range(-8, 16)
        ]
    )
    singular = np.linalg.svd(peaks, compute_uv=False)
    projected = peaks @ basis.numpy().T
    left = (peaks**2).sum() - (projected**2).sum()
    assert left == pytest.approx((singular[num_basis:] ** 2).sum(), abs=1e-4)


def test_the_first_shape_is_smooth_and_of_one_sign() -> None:
    first = patch_basis(1)[0]
    assert (first > 0).all()
    torch.testing.assert_close(first, first.flip(0))
    torch.testing.assert_close(first, first.T)
    assert first[3, 3] == first.max()


# ----------------------------------------------------------- reconstruction


def test_reconstruction_by_brute_force() -> None:
    """Each coefficient adds its shape to 8x8 cells; shapes are 4 cells apart."""
    head = LRRHead((1,), 2, num_basis=3, kernel_size=1)
    randomize(head)
    x = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(1))
    coefficients = head.last_conv[0](x).detach().numpy()[0]
    shapes = head.reconstruction[0].weight.detach().numpy()[:, 0]
    expected = np.zeros((2, 8 + 4, 12 + 4))  # two cells more on each side
    for k in range(2):
        for b in range(3):
            for i in range(2):
                for j in range(3):
                    expected[k, 4 * i : 4 * i + 8, 4 * j : 4 * j + 8] += (
                        coefficients[3 * k + b, i, j] * shapes[3 * k + b]
                    )
    found = head((x,)).detach().numpy()
    assert found.shape == (1, 2, 8, 12)
    np.testing.assert_allclose(found[0], expected[:, 2:-2, 2:-2], rtol=1e-4, atol=1e-5)


def test_reconstruction_starts_from_the_basis() -> None:
    head = LRRHead((3, 4), 5)
    head.init_weights()
    for layer in head.reconstruction:
        for k in range(5):
            assert torch.equal(layer.weight[10 * k : 10 * k + 10, 0], patch_basis(10))


# --------------------------------------------------------------- refinement


def test_levels_by_hand() -> None:
    head = make_head(gate_size=3)
    feats = features()
    found = head.level_scores(feats)
    assert [x.shape[-1] for x in found] == [32, 16, 8]
    coarse = None
    for i in (2, 1, 0):
        scores = head.reconstruction[i](head.last_conv[i](feats[i]))
        if coarse is not None:
            up = torch.nn.functional.interpolate(
                coarse, scale_factor=2, mode='bilinear', align_corners=False
            )
            p = up.flatten(2).softmax(-1)
            p = (p / p.amax(-1, keepdim=True)).view_as(up)
            around = torch.nn.functional.pad(p, (1,) * 4, value=torch.nan)
            windows = around.unfold(2, 3, 1).unfold(3, 3, 1).flatten(-2)
            high = windows.nan_to_num(-1).amax(-1)
            low = windows.nan_to_num(2).amin(-1)
            scores = up + (high - low) * scores
        torch.testing.assert_close(found[i], scores, rtol=1e-4, atol=1e-4)
        coarse = found[i].detach()
    assert torch.equal(head(feats), found[0])


def test_the_gate_opens_around_the_mode() -> None:
    scores = torch.zeros(1, 1, 9, 9)
    scores[..., 3, 5] = 50
    gate = make_head(gate_size=3)._gate(scores)[0, 0]
    expected = torch.zeros(9, 9)
    expected[2:5, 4:7] = 1
    torch.testing.assert_close(gate, expected)
    assert (make_head()._gate(torch.zeros(1, 1, 9, 9)) == 0).all()


def test_no_gradient_flows_through_the_gate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same gradients as with gates of constant numbers."""
    head, gates, grads = make_head(), [], []
    plain = head._gate

    def record(scores: Tensor) -> Tensor:
        gates.append(plain(scores))
        return gates[-1]

    for gate in (record, lambda scores: gates.pop(0).detach()):
        monkeypatch.setattr(head, '_gate', gate)
        feats = tuple(x.requires_grad_() for x in features())
        head(feats).square().sum().backward()
        grads.append([x.grad for x in feats])
    assert not gates
    for a, b in zip(*grads, strict=True):
        assert a.abs().max() > 0
        assert torch.equal(a, b)


# --------------------------------------------------------------------- loss


def samples() -> list:
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    out = []
    for i in range(2):
        rng = np.random.default_rng(i)
        labels = InstanceData()
        encoded = CellIndex((32, 32)).encode(rng.uniform(0, 31, (1, 5, 2)))
        for key, value in encoded.items():
            labels.set_field(torch.from_numpy(value), key)
        sample = PoseDataSample()
        sample.gt_instance_labels = labels
        out.append(sample)
    return out


def test_a_loss_on_every_level() -> None:
    head, feats, batch = make_head(), features(), samples()
    losses = head.loss(feats, batch)
    assert list(losses) == ['loss_kpt', 'loss_level_1', 'loss_level_2']
    labels = [s.gt_instance_labels for s in batch]
    cells = torch.cat([x.keypoint_cells for x in labels])
    for name, scores, side in zip(
        losses, head.level_scores(feats), (1, 2, 4), strict=True
    ):
        # the tile of the true cell; each of its cells has an equal share
        row, column = cells // 32 // side, cells % 32 // side
        coarse = row * (32 // side) + column
        plain = SpatialCrossEntropyLoss()(scores, coarse, torch.ones(2, 5, 1))
        torch.testing.assert_close(losses[name], plain + np.log(side**2))


def test_missing_targets() -> None:
    batch = samples()
    for sample in batch:
        del sample.gt_instance_labels.keypoint_cells
    with pytest.raises(ValueError, match='rcn_mmpose.CellIndex'):
        make_head().loss(features(), batch)


def test_every_weight_is_trained() -> None:
    head = make_head()
    sum(head.loss(features(), samples()).values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad.abs().max() > 0, name


# ------------------------------------------------------------------- errors


def test_features_that_do_not_fit_the_head() -> None:
    with pytest.raises(ValueError, match=r'of \(3, 4\) channels instead of '):
        make_head()(features()[:2])


@pytest.mark.parametrize(
    'options', [dict(num_basis=0), dict(num_basis=65), dict(gate_size=4)]
)
def test_wrong_options(options: dict) -> None:
    with pytest.raises(ValueError, match='give 1 to 64 basis functions'):
        LRRHead((3,), 5, **options)
