from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.models import KeypointDenoiser
from rcn_mmpose.models.one_hot import one_hot_maps


def config(
    keypoints: int = 3,
    side: int = 12,
    channels: int = 4,
    kernel_size: int = 7,
    **backbone: object,
) -> dict:
    return dict(
        type='rcn_mmpose.KeypointDenoiser',
        backbone=dict(
            dict(
                type='rcn_mmpose.LargeKernelNet',
                in_channels=keypoints,
                channels=channels,
                kernel_size=kernel_size,
                input_size=(side, side),
            ),
            **backbone,
        ),
        head=dict(
            type='rcn_mmpose.SpatialSoftmaxHead',
            in_channels=channels,
            out_channels=keypoints,
            kernel_size=1,
            decoder=dict(type='rcn_mmpose.CellIndex', input_size=(side, side)),
        ),
    )


def make(**options: object) -> KeypointDenoiser:
    torch.manual_seed(0)
    model = MODELS.build(config(**options))
    model.init_weights()
    nn.init.normal_(model.head.last_conv.weight)
    return model


def maps_of(batch: int = 2, keypoints: int = 3, side: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    cells = torch.randint(0, side * side, (batch, keypoints), generator=generator)
    return one_hot_maps(cells, (side, side))


def samples(weights: list, side: int = 12) -> list[PoseDataSample]:
    """Random keypoints and their weights."""
    rng = np.random.default_rng(0)
    out = []
    for row in weights:
        keypoints = rng.uniform(0, side - 1, (1, len(row), 2))
        encoded = CellIndex((side, side)).encode(keypoints, np.array([row]))
        sample = PoseDataSample()
        labels = InstanceData()
        for key, value in encoded.items():
            labels.set_field(torch.from_numpy(value), key)
        sample.gt_instance_labels = labels
        out.append(sample)
    return out


def test_network_of_plain_convolutions() -> None:
    """Section 4: large convolutions with ReLU, no subsampling, 1x1 to K."""
    model, maps = make(), maps_of()
    x = maps
    for conv in model.backbone.convs:
        x = F.conv2d(x, conv.weight, conv.bias, padding=3).clamp_min(0)
    last = model.head.last_conv
    expected = torch.einsum('kc,bchw->bkhw', last.weight[..., 0, 0], x)
    expected = expected + last.bias[:, None, None]
    assert len(model.backbone.convs) == 3
    torch.testing.assert_close(model(maps, None), expected, rtol=1e-4, atol=1e-4)


def test_gradients_are_those_of_plain_convolutions() -> None:
    model, maps = make(), maps_of()
    weights = [conv.weight for conv in model.backbone.convs]
    x = maps
    for conv in model.backbone.convs:
        x = F.conv2d(x, conv.weight, conv.bias, padding=3).relu()
    expected = torch.autograd.grad(model.head.last_conv(x).square().sum(), weights)
    found = torch.autograd.grad(model(maps, None).square().sum(), weights)
    for ours, right in zip(found, expected, strict=True):
        error = (ours - right).abs().max() / right.abs().max()
        assert error.item() < 1e-4


def test_initial_features_keep_their_size() -> None:
    """At the start all layers have outputs of about the same size."""
    torch.manual_seed(0)
    net = MODELS.build(
        dict(
            type='rcn_mmpose.LargeKernelNet',
            in_channels=68,
            channels=32,
            kernel_size=23,
            input_size=(40, 40),
        )
    )
    net.init_weights()
    maps = maps_of(2, 68, 40)
    with torch.no_grad():
        for conv in net.convs:
            maps = conv(maps).relu()
            assert 0.1 < maps.std().item() < 1


@pytest.mark.parametrize('name', ['denoiser_300w', 'denoiser_compact_300w'])
def test_sizes_of_the_configs(root: Path, name: str) -> None:
    cfg = Config.fromfile(str(root / 'configs' / f'{name}.py'))
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
    total = sum(p.numel() for p in model.parameters())
    if name == 'denoiser_300w':
        # 3 convolutions 45x45 of 64 channels, 1x1 to 68
        assert total == 25_406_212
        assert total == 45**2 * 64 * (68 + 64 + 64) + 3 * 64 + 65 * 68
        return
    # multiplications of plain convolutions
    count = 0

    def add(layer: nn.Conv2d, _: tuple, out: Tensor) -> None:
        nonlocal count
        count += layer.weight.numel() * out.shape[-2:].numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            assert type(layer) is nn.Conv2d
            layer.register_forward_hook(add)
    with torch.no_grad():
        scores = model(maps_of(1, 68, 80), None)
    assert scores.shape == (1, 68, 80, 80)
    assert 1e9 < count <= 2e9


def test_only_corrupted_keypoints_count_in_the_loss() -> None:
    model, maps = make(), maps_of()
    weights = [[1, 0, 1], [0, 1, 0]]
    data = samples(weights)
    loss = model.loss(maps, data)['loss_kpt']
    log_p = model(maps, None).flatten(2).log_softmax(-1)
    terms = [
        -log_p[b, k, data[b].gt_instance_labels.keypoint_cells[0, k, 0]]
        for b in range(2)
        for k in range(3)
        if weights[b][k]
    ]
    torch.testing.assert_close(loss, sum(terms) / 3)


def test_learns_where_keypoints_belong() -> None:
    """Two keypoints are always 3 cells beside and 2 cells below the third."""
    torch.manual_seed(0)
    model = MODELS.build(config(channels=16))
    model.init_weights()
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    steps = torch.tensor([0, 3, 2 * 12])

    def batch(size: int) -> tuple[Tensor, Tensor]:
        y, x = torch.randint(0, 9, (2, size, 1))
        cells = y * 12 + x + steps
        shown = cells.clone()
        shown[:, 2] = torch.randint(0, 144, (size,))
        return one_hot_maps(shown, (12, 12)), cells

    for _ in range(40):
        maps, cells = batch(8)
        scores = model(maps, None).flatten(2)
        loss = F.cross_entropy(scores[:, 2], cells[:, 2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    maps, cells = batch(64)
    with torch.no_grad():
        scores = model(maps, None).flatten(2)
    loss = F.cross_entropy(scores[:, 2], cells[:, 2])
    # chance is log(144) = 5
    assert loss.item() < 0.5
    right = scores[:, 2].argmax(-1) == cells[:, 2]
    assert right.float().mean().item() > 0.9


def test_other_backbones() -> None:
    other = config(side=16)
    other['backbone'] = dict(type='rcn_mmpose.RCN', num_branches=3, in_channels=3)
    other['head']['in_channels'] = 16
    model = MODELS.build(other)
    assert model(maps_of(side=16), None).shape == (2, 3, 16, 16)
    with pytest.raises(ValueError, match='not one-hot'):
        model(maps_of(side=16) * 0.5, None)


# ----------------------------------------------------------------- export


def test_deployed_model_is_exported() -> None:
    """Without complex numbers, loops or checks; for any batch."""
    model, maps = make().eval(), maps_of(5)
    with torch.no_grad():
        expected = model(maps, None)
        model.switch_to_deploy()
        torch.testing.assert_close(model(maps, None), expected)

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, maps: Tensor) -> Tensor:
            return self.model(maps, None)

    batch = torch.export.Dim('batch', min=2, max=64)
    exported = torch.export.export(
        Plain(), (maps[:2],), dynamic_shapes=(dict({0: batch}),)
    )
    torch.testing.assert_close(exported.module()(maps), expected)
    called = {
        str(node.target) for node in exported.graph.nodes if node.op == 'call_function'
    }
    assert 'aten.bmm.default' in called
    for name in called:
        for wrong in ('fft', 'complex', 'scalar', 'autocast'):
            assert wrong not in name


# -------------------------------------------------------------- bad input


def test_backbone_and_head_that_do_not_match() -> None:
    with pytest.raises(ValueError, match='reads 4 maps and writes 3'):
        MODELS.build(config(in_channels=4))
    with pytest.raises(ValueError, match='of 14x12 cells.*12x12'):
        MODELS.build(config(input_size=(14, 12)))


def test_wrong_maps() -> None:
    model = make()
    for maps, shown in (
        (maps_of(keypoints=4), '4 maps of 12x12 cells.*takes 3 of 12x12'),
        (maps_of(side=10), '3 maps of 10x10 cells.*takes 3 of 12x12'),
        (maps_of() * 2, '6 of 6 maps are not one-hot'),
        (torch.rand(2, 3, 12, 12), 'not one-hot'),
    ):
        with pytest.raises(ValueError, match=shown):
            model(maps, None)


def test_wrong_number_of_maps_of_any_size() -> None:
    """Without a decoder maps of any size are allowed."""
    plain = config()
    del plain['head']['decoder']
    model = MODELS.build(plain)
    with pytest.raises(ValueError, match='4 maps of 12x12.*takes 3 of 12x12'):
        model(maps_of(keypoints=4), None)


def test_options_of_mmposes_estimator() -> None:
    model = MODELS.build(dict(config(), test_cfg=dict(flip_test=False)))
    assert model.test_cfg == dict(flip_test=False)
