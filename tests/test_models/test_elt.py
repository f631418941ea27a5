"""Training with images without labels (ELT)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.models import EquivariantLandmarkLoss


def crops(batch: int, height: int = 40, width: int = 48) -> Tensor:
    return torch.zeros(batch, 1, height, width)


def blobs(centres: Tensor, height: int = 40, width: int = 48) -> Tensor:
    """A smooth bright spot at each position (B, 2)."""
    y = torch.arange(height)[:, None]
    x = torch.arange(width)
    distance = (x - centres[:, 0, None, None]) ** 2
    distance = distance + (y - centres[:, 1, None, None]) ** 2
    return torch.exp(-distance / 18)[:, None]


def centroids(images: Tensor) -> Tensor:
    """The centre of brightness of each image: a perfect network."""
    height, width = images.shape[-2:]
    total = images.sum((1, 2, 3))
    x = (images.sum((1, 2)) * torch.arange(width)).sum(-1) / total
    y = (images.sum((1, 3)) * torch.arange(height)).sum(-1) / total
    return torch.stack((x, y), -1)


def test_images_and_keypoints_move_together() -> None:
    torch.manual_seed(0)
    loss = EquivariantLandmarkLoss(shift=0.1, scale=0.2, rotation=40)
    at = torch.rand(50, 2) * 10 + torch.tensor([19.0, 15.0])
    images = blobs(at)
    matrices = loss.draw(images)
    moved = loss.transform(at[:, None], matrices)[:, 0]
    found = centroids(loss.warp(images, matrices))
    assert (moved - at).norm(dim=-1).mean() > 2
    torch.testing.assert_close(found, moved, atol=0.02, rtol=0)


def test_an_equivariant_network_has_no_loss() -> None:
    torch.manual_seed(0)
    loss = EquivariantLandmarkLoss()
    images = blobs(torch.tensor([[24.0, 20], [20, 17]]))
    matrices = loss.draw(images)
    warped = loss.warp(images, matrices)
    before, after = (centroids(x)[:, None] for x in (images, warped))
    assert loss(before, after, matrices, images) < 1e-3
    # a network that always gives the same keypoint has a loss
    assert loss(before, before, matrices, images) > 0.5


def test_the_range_of_the_maps() -> None:
    torch.manual_seed(0)
    loss = EquivariantLandmarkLoss(shift=0.1, scale=0.2, rotation=30)
    matrices = loss.draw(crops(4000)).double()
    assert matrices.shape == (4000, 2, 3)
    linear = matrices[..., :2]
    scale = torch.linalg.det(linear).sqrt()
    turn = torch.atan2(linear[:, 1, 0], linear[:, 0, 0]).rad2deg()
    for values, largest in ((scale - 1, 0.2), (turn, 30)):
        assert values.abs().max() <= largest + 1e-4
        assert values.max() > 0.98 * largest
        assert values.min() < -0.98 * largest
    # no shear: rotation and scaling keep right angles
    across = (linear[:, :, 0] * linear[:, :, 1]).sum(-1)
    assert across.abs().max() < 1e-5
    # only the shift moves the centre of the crop
    centre = torch.tensor([23.5, 19.5], dtype=torch.float64)
    shift = linear @ centre + matrices[..., 2] - centre
    assert shift[:, 0].abs().max() <= 4.8 + 1e-4
    assert shift[:, 1].abs().max() <= 4.0 + 1e-4
    assert shift[:, 0].abs().max() > 0.98 * 4.8


def test_a_range_of_zero_is_the_identity() -> None:
    loss = EquivariantLandmarkLoss(shift=0, scale=0, rotation=0)
    images = torch.rand(2, 3, 8, 6)
    matrices = loss.draw(images)
    torch.testing.assert_close(loss.warp(images, matrices), images, atol=1e-5, rtol=0)
    points = torch.rand(2, 5, 2)
    torch.testing.assert_close(loss.transform(points, matrices), points)


def test_a_quarter_turn_by_hand() -> None:
    """A rotation about the centre (1, 1) of 3x3 pixels; y points downwards."""
    loss = EquivariantLandmarkLoss()
    matrices = torch.tensor([[[0.0, -1, 2], [1, 0, 0]]])
    points = torch.tensor([[[0.0, 0], [2, 0], [1, 1]]])
    assert loss.transform(points, matrices).tolist() == [[[2, 0], [2, 2], [1, 1]]]
    image = torch.tensor([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]]])
    expected = torch.tensor([[[[7.0, 4, 1], [8, 5, 2], [9, 6, 3]]]])
    torch.testing.assert_close(loss.warp(image, matrices), expected)


def test_pixels_beyond_the_border_repeat_the_border() -> None:
    loss = EquivariantLandmarkLoss()
    # shifted right by two pixels: the new columns repeat the first one
    matrices = torch.tensor([[[1.0, 0, 2], [0, 1, 0]]])
    image = torch.tensor([[[[1.0, 2, 3, 4], [5, 6, 7, 8]]]])
    expected = torch.tensor([[[[1.0, 1, 1, 2], [5, 5, 5, 6]]]])
    torch.testing.assert_close(loss.warp(image, matrices), expected)


def test_loss_by_hand() -> None:
    """Shifted by (3, -2); one keypoint leaves the crop of 8x6."""
    matrices = torch.tensor([[[1.0, 0, 3], [0, 1, -2]]])
    keypoints = torch.tensor([[[1.0, 2], [4, 5], [5, 3]]])  # to x = 4, 7, 8
    warped = torch.tensor([[[4.0, 1], [5, 3], [0, 0]]])
    loss = EquivariantLandmarkLoss(alpha=0.5)
    found = loss(keypoints, warped, matrices, torch.zeros(1, 1, 6, 8))
    # (0, -1) and (2, 0): 0.5 * (1 + 4) / 2
    assert found.item() == pytest.approx(1.25)


def test_one_keypoint_inside() -> None:
    """In a crop of width 8 and height 6; alpha is 0.5 by default."""
    matrices = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
    keypoints = torch.tensor([[[7.0, 5], [7, 5.5], [7.5, 5]]])
    warped = keypoints + torch.tensor([[2.0], [30], [40]])
    loss = EquivariantLandmarkLoss()
    found = loss(keypoints, warped, matrices, torch.zeros(1, 1, 6, 8))
    assert found.item() == pytest.approx(0.5 * 8)


def test_no_keypoint_stays_inside() -> None:
    matrices = torch.tensor([[[1.0, 0, 50], [0, 1, 0]]])
    points = torch.ones(1, 2, 2, requires_grad=True)
    loss = EquivariantLandmarkLoss()(points, points, matrices, torch.zeros(1, 1, 6, 8))
    assert loss.item() == 0
    loss.backward()
    assert (points.grad == 0).all()


def test_autocast_does_not_round() -> None:
    torch.manual_seed(0)
    loss = EquivariantLandmarkLoss()
    points = torch.rand(3, 5, 2) * 40
    images = blobs(points[:, 0])
    found = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            matrices = loss.draw(images)
            found.append(
                (
                    matrices,
                    loss.warp(images, matrices),
                    loss.transform(points, matrices),
                )
            )
    for a, b in zip(*found, strict=True):
        assert b.dtype == torch.float32
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    'options',
    [
        dict(alpha=-1),
        dict(shift=-0.1),
        dict(scale=-0.1),
        dict(rotation=-3),
        dict(scale=1),
    ],
)
def test_wrong_options(options: dict) -> None:
    with pytest.raises(ValueError, match='give values of 0 or more'):
        EquivariantLandmarkLoss(**options)


# ---------------------------------------------------------------- estimator


def make_model(head: str = 'SoftArgmaxHead', **elt: float) -> torch.nn.Module:
    from mmpose.registry import MODELS

    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='rcn_mmpose.ELTPoseEstimator',
            data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
            backbone=dict(type='rcn_mmpose.RCN', num_branches=3),
            head=dict(
                type=f'rcn_mmpose.{head}',
                in_channels=16,
                out_channels=5,
                decoder=dict(type='rcn_mmpose.CellIndex', input_size=(40, 40)),
            ),
            elt=dict(type='rcn_mmpose.EquivariantLandmarkLoss', **elt),
        )
    )
    model.init_weights()
    torch.nn.init.normal_(model.head.last_conv.weight, std=0.3)
    return model


def batch(labelled: list[bool]) -> tuple[Tensor, list]:
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    inputs = torch.rand(
        len(labelled), 1, 40, 40, generator=torch.Generator().manual_seed(0)
    )
    out = []
    for i, visible in enumerate(labelled):
        points = np.random.default_rng(i).uniform(0, 39, (1, 5, 2))
        encoded = CellIndex((40, 40), target='four').encode(
            points, np.full((1, 5), float(visible))
        )
        labels = InstanceData()
        for key, value in encoded.items():
            labels.set_field(torch.from_numpy(value), key)
        sample = PoseDataSample()
        sample.gt_instance_labels = labels
        out.append(sample)
    return inputs, out


def test_both_losses_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(alpha=0.7)
    inputs, samples = batch([True, True, False])
    losses = model.loss(inputs, samples)
    assert set(losses) == {'loss_kpt', 'loss_elt'}
    plain = model.head.loss(model.extract_feat(inputs), samples)
    torch.testing.assert_close(losses['loss_kpt'], plain['loss_kpt'])

    torch.manual_seed(3)
    found = model.loss(inputs, samples)['loss_elt']
    torch.manual_seed(3)
    matrices = model.elt.draw(inputs)
    with torch.no_grad():
        before = model.head.keypoints(model.extract_feat(inputs))
        after = model.head.keypoints(
            model.extract_feat(model.elt.warp(inputs, matrices))
        )
    errors = []
    for i in range(3):
        linear, shift = matrices[i, :, :2], matrices[i, :, 2]
        for k in range(5):
            moved = linear @ before[i, k] + shift
            if ((moved >= 0) & (moved <= 39)).all():
                errors.append((moved - after[i, k]).square().sum())
    assert len(errors) > 5
    expected = 0.7 * sum(errors) / len(errors)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_training_without_labels() -> None:
    model = make_model()
    losses = model.loss(*batch([False, False]))
    assert losses['loss_kpt'].item() == 0
    assert math.isfinite(losses['loss_elt'].item())
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        if name != 'head.last_conv.bias':  # a softmax ignores it
            assert parameter.grad.abs().max() > 0, name


def test_the_gradient_flows_through_both_predictions() -> None:
    model = make_model()
    seen = []
    plain = model.head.keypoints

    def keypoints(feats: tuple) -> Tensor:
        seen.append(plain(feats))
        seen[-1].retain_grad()
        return seen[-1]

    model.head.keypoints = keypoints
    model.loss(*batch([False]))['loss_elt'].backward()
    assert len(seen) == 2
    for points in seen:
        assert points.grad.abs().max() > 0


def test_a_head_without_keypoints() -> None:
    with pytest.raises(ValueError, match='SpatialSoftmaxHead gives no diff'):
        make_model('SpatialSoftmaxHead')
