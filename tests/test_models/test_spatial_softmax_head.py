from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.models import SpatialSoftmaxHead

if TYPE_CHECKING:
    from mmpose.models import TopdownPoseEstimator
    from mmpose.structures import PoseDataSample

SWAPPED = [1, 0, 2, 4, 3]


def codec(width: int = 40, height: int = 40, **options: object) -> dict:
    return dict(type='rcn_mmpose.CellIndex', input_size=(width, height), **options)


def make_head(**options: object) -> SpatialSoftmaxHead:
    torch.manual_seed(0)
    head = SpatialSoftmaxHead(in_channels=4, out_channels=5, decoder=codec(**options))
    torch.nn.init.normal_(head.last_conv.weight, std=0.5)
    torch.nn.init.normal_(head.last_conv.bias)
    return head


def features(batch: int = 2, seed: int = 0) -> tuple[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(batch, 4, 40, 40, generator=generator),)


def samples(batch: int = 2, targets: bool = False) -> list[PoseDataSample]:
    """Data samples whose crop equals the image."""
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    out = []
    for i in range(batch):
        sample = PoseDataSample(
            metainfo=dict(
                flip_indices=SWAPPED,
                input_size=(40, 40),
                input_center=np.array([20.0, 20.0]),
                input_scale=np.array([40.0, 40.0]),
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=np.array([[0, 0, 40, 40]]), bbox_scores=np.ones(1)
        )
        labels = InstanceData()
        if targets:
            rng = np.random.default_rng(i)
            encoded = CellIndex((40, 40)).encode(rng.uniform(0, 39, (1, 5, 2)))
            for key, value in encoded.items():
                labels.set_field(torch.from_numpy(value), key)
        sample.gt_instance_labels = labels
        out.append(sample)
    return out


def make_model(flip_test: bool = False) -> TopdownPoseEstimator:
    """A small network with weights large enough for peaks."""
    from mmpose.registry import MODELS

    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
            backbone=dict(type='rcn_mmpose.RCN', num_branches=4),
            head=dict(
                type='rcn_mmpose.SpatialSoftmaxHead',
                in_channels=16,
                out_channels=5,
                decoder=codec(),
            ),
            test_cfg=dict(flip_test=flip_test, output_heatmaps=True),
        )
    )
    model.init_weights()
    torch.nn.init.normal_(model.head.last_conv.weight, std=0.5)
    return model


def crops(batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (batch, 1, 40, 40)
    return torch.randint(0, 256, shape, generator=generator).byte()


# ---------------------------------------------------------------- forward


@pytest.mark.parametrize('kernel_size', [1, 3, 5])
def test_scores_are_one_convolution(kernel_size: int) -> None:
    head = SpatialSoftmaxHead(4, 5, kernel_size=kernel_size)
    torch.nn.init.normal_(head.last_conv.bias)
    first, last = features(seed=0)[0], features(seed=1)[0]
    scores = head.forward((first, last))
    expected = F.conv2d(
        last,
        head.last_conv.weight,
        head.last_conv.bias,
        padding=kernel_size // 2,
    )
    assert scores.shape == (2, 5, 40, 40)
    assert head.last_conv.weight.shape[2:] == (kernel_size, kernel_size)
    torch.testing.assert_close(scores, expected)


def test_even_kernel() -> None:
    with pytest.raises(ValueError, match='kernel_size=2'):
        SpatialSoftmaxHead(4, 5, kernel_size=2)


def test_probability_maps() -> None:
    head = make_head()
    maps = head.probability_maps(features())
    expected = torch.exp(head.forward(features()).double())
    expected /= expected.sum((2, 3), keepdim=True)
    torch.testing.assert_close(maps.double(), expected, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(2, 5))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_probability_maps_under_autocast(dtype: torch.dtype) -> None:
    head = make_head()
    with torch.autocast('cpu', dtype):
        scores = head.forward(features())
        maps = head.probability_maps(features())
    assert scores.dtype == dtype  # autocast does apply to the scores
    assert maps.dtype == torch.float32
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(2, 5))
    assert torch.equal(maps, scores.float().flatten(2).softmax(-1).view_as(maps))


def test_training_starts_from_nearly_flat_maps() -> None:
    torch.manual_seed(0)
    head = SpatialSoftmaxHead(16, 5)
    head.init_weights()
    feats = (torch.rand(1, 16, 40, 40),)
    maps = head.probability_maps(feats) * 1600
    assert 0.8 < maps.min() < maps.max() < 1.25


# ---------------------------------------------------------------- predict


def test_predictions() -> None:
    head = make_head()
    preds = head.predict(features(), samples())
    assert len(preds) == 2
    scores = head.forward(features()).detach()
    for i, pred in enumerate(preds):
        assert pred.keypoints.shape == pred.keypoint_cells.shape == (1, 5, 2)
        assert pred.keypoint_scores.shape == (1, 5)
        assert isinstance(pred.keypoints, np.ndarray)
        assert isinstance(pred.keypoint_scores, np.ndarray)
        assert pred.keypoint_cells.dtype == np.int64
        for k in range(5):
            row, column = np.unravel_index(scores[i, k].numpy().argmax(), (40, 40))
            assert pred.keypoint_cells[0, k].tolist() == [column, row]
        # the expectation stays in the window of five cells
        away = np.abs(pred.keypoints - pred.keypoint_cells)
        assert 0 < away.max() <= 2
        assert (pred.keypoint_scores > 1 / 1600).all()
        assert (pred.keypoint_scores <= 1).all()


def test_scores_that_are_negative_everywhere() -> None:
    plain = make_head()
    low = make_head()
    with torch.no_grad():
        low.last_conv.bias -= 100
    assert low.forward(features()).max() < -50
    for a, b in zip(
        plain.predict(features(), samples()),
        low.predict(features(), samples()),
        strict=True,
    ):
        np.testing.assert_array_equal(a.keypoint_cells, b.keypoint_cells)
        np.testing.assert_allclose(a.keypoints, b.keypoints, atol=1e-3)
        np.testing.assert_allclose(a.keypoint_scores, b.keypoint_scores, atol=1e-4)


def test_output_heatmaps() -> None:
    head = make_head()
    preds, fields = head.predict(features(), samples(), dict(output_heatmaps=True))
    assert len(preds) == len(fields) == 2
    for i in range(2):
        expected = head.probability_maps(features())[i]
        assert torch.equal(fields[i].heatmaps, expected)
        assert not fields[i].heatmaps.requires_grad


def test_without_decoder() -> None:
    head = SpatialSoftmaxHead(4, 5)
    with pytest.raises(RuntimeError, match='decoder'):
        head.predict(features(), samples())


# -------------------------------------------------------------- flip test


def swap(points: np.ndarray) -> np.ndarray:
    """Mirror positions in a crop that is 40 pixels wide."""
    points = points[:, SWAPPED].copy()
    points[..., 0] = 39 - points[..., 0]
    return points


def test_flip_test_averages_the_mirrored_maps() -> None:
    head = make_head()
    plain, mirrored = features(seed=0), features(seed=1)
    _, fields = head.predict(
        [plain, mirrored],
        samples(),
        dict(flip_test=True, output_heatmaps=True),
    )
    a = head.probability_maps(plain).detach()
    b = head.probability_maps(mirrored).detach()
    for i in range(2):
        for k in range(5):
            for column in range(40):
                expected = (a[i, k, :, column] + b[i, SWAPPED[k], :, 39 - column]) / 2
                found = fields[i].heatmaps[k, :, column]
                torch.testing.assert_close(found, expected)


def test_flip_test_is_exactly_symmetric() -> None:
    model = make_model(flip_test=True).eval()
    inputs = torch.randn(2, 1, 40, 40, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        plain = model.predict(inputs, samples())
        mirrored = model.predict(inputs.flip(-1), samples())
    for a, b in zip(plain, mirrored, strict=True):
        assert torch.equal(
            b.pred_fields.heatmaps,
            a.pred_fields.heatmaps[SWAPPED].flip(-1),
        )
        a, b = a.pred_instances, b.pred_instances
        np.testing.assert_allclose(b.keypoints, swap(a.keypoints), atol=1e-4)
        np.testing.assert_array_equal(b.keypoint_cells, swap(a.keypoint_cells))
        np.testing.assert_allclose(
            b.keypoint_scores, a.keypoint_scores[:, SWAPPED], atol=1e-5
        )


def test_flip_test_of_mirrored_images() -> None:
    model = make_model(flip_test=True).eval()
    found = []
    for batch in (crops(), crops().flip(-1)):
        found.append(model.test_step(dict(inputs=list(batch), data_samples=samples())))
    distance = []
    for a, b in zip(*found, strict=True):
        a, b = a.pred_instances, b.pred_instances
        np.testing.assert_allclose(b.keypoints, swap(a.keypoints), atol=1e-4)
        distance.append(np.abs(b.keypoints - a.keypoints).max())
    assert min(distance) > 1  # the images are not symmetric

    # without the flip test the predictions are not symmetric
    model = make_model(flip_test=False).eval()
    a, b = (
        model.test_step(dict(inputs=list(x), data_samples=samples()))[0]
        for x in (crops(), crops().flip(-1))
    )
    a, b = a.pred_instances.keypoints, b.pred_instances.keypoints
    assert np.abs(b - swap(a)).max() > 1


# ------------------------------------------------------------------- loss


def test_loss_of_a_batch() -> None:
    head = make_head()
    batch = samples(targets=True)
    batch[1].gt_instance_labels.keypoint_weights[0, 3] = 0
    losses = head.loss(features(), batch)
    assert list(losses) == ['loss_kpt']

    scores = head.forward(features()).view(10, 1600)
    cells = torch.cat([s.gt_instance_labels.keypoint_cells for s in batch])
    kept = [i for i in range(10) if i != 8]
    expected = F.cross_entropy(scores[kept], cells.flatten()[kept])
    torch.testing.assert_close(losses['loss_kpt'], expected)


def test_other_losses_can_be_set() -> None:
    head = SpatialSoftmaxHead(
        4,
        5,
        loss=dict(type='rcn_mmpose.SpatialCrossEntropyLoss', loss_weight=5),
    )
    plain = SpatialSoftmaxHead(4, 5)
    plain.load_state_dict(head.state_dict())
    batch = samples(targets=True)
    a, b = (h.loss(features(), batch)['loss_kpt'] for h in (head, plain))
    torch.testing.assert_close(a, 5 * b)


def test_missing_targets() -> None:
    with pytest.raises(ValueError, match='rcn_mmpose.CellIndex'):
        make_head().loss(features(), samples(targets=False))


def test_training_steps_lower_the_loss() -> None:
    from mmengine.optim import OptimWrapper

    model = make_model()
    torch.nn.init.normal_(model.head.last_conv.weight, std=0.01)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    wrapper = OptimWrapper(optimizer)
    losses = []
    for _ in range(15):
        data = dict(inputs=list(crops()), data_samples=samples(targets=True))
        losses.append(model.train_step(data, wrapper)['loss_kpt'].item())
    assert losses[0] == pytest.approx(math.log(1600), abs=0.1)
    assert losses[-1] < losses[0] - 1
