from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from by_hand import (
    apply,
    conv_layers,
    count,
    halve,
    randomize,
    shapes,
)
from torch import Tensor

from rcn_mmpose.models import SumNet, SumNetHead

ANNOTATIONS = Path(__file__).parents[2] / 'data' / 'annotations'


def crops(batch: int, height: int = 80, width: int = 80) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 1, height, width, generator=generator)


# ------------------------------------------------------------ architecture


@pytest.mark.parametrize(
    ('num_branches', 'total'), [(4, 99_112), (5, 142_850), (6, 186_588)]
)
def test_parameter_counts(num_branches: int, total: int) -> None:
    """Counts of the paper's networks, with one alpha a branch and keypoint."""
    net = SumNet(num_branches)
    assert count(net, SumNetHead(net.out_channels, 5)) == total


@pytest.mark.parametrize('num_branches', [4, 5, 6])
def test_layers_for_5_keypoints(num_branches: int) -> None:
    net = SumNet(num_branches)
    widths = [16, 32, 48, 48, 48, 48][:num_branches]
    assert shapes(net.trunk) == [
        (a, b, 3) for a, b in zip([1, *widths], widths, strict=False)
    ]
    assert [shapes(b) for b in net.branches] == [[(w, w, 3)] for w in widths]
    head = SumNetHead(net.out_channels, 5)
    assert shapes(head) == [(w, 5, 3) for w in widths]
    assert head.alpha.shape == (num_branches, 5, 1, 1)


def test_layers_for_68_keypoints() -> None:
    net = SumNet(5, '300w')
    assert shapes(net.trunk) == [(1, 64, 3)] + [(64, 64, 3)] * 4
    # with the head's: four in the finest branch, two in the others
    assert [shapes(b) for b in net.branches] == [[(64, 64, 3)] * 3] + [
        [(64, 64, 3)]
    ] * 4
    head = SumNetHead(net.out_channels, 68)
    assert shapes(head) == [(64, 68, 3)] * 5
    conv, last = 64 * 64 * 9 + 64, 64 * 68 * 9 + 68
    trunk = 64 * 9 + 64 + 4 * conv
    assert count(net, head) == trunk + 7 * conv + 5 * last + 5 * 68


def test_per_pixel_weights() -> None:
    head = SumNetHead((16, 32), 5, map_size=(80, 40), weight_per_pixel=True)
    assert head.alpha.shape == (2, 5, 40, 80)


def test_initial_alphas_are_uniform() -> None:
    torch.manual_seed(0)
    head = SumNetHead((1,) * 4, 500)
    head.init_weights()
    alpha = head.alpha.detach().flatten().sort().values
    uniform = torch.linspace(0, 1, len(alpha))
    # the bound of Kolmogorov and Smirnov at 0.1 %
    assert (alpha - uniform).abs().max() < 1.95 / len(alpha) ** 0.5


# -------------------------------------------------------------------- eq. 1


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """One image (C, h, w), loop by loop, zeros around it."""
    reach = weight.shape[-1] // 2
    channels, height, width = x.shape
    out = np.zeros((len(weight), height, width))
    for k in range(len(weight)):
        for i in range(height):
            for j in range(width):
                total = bias[k]
                for di in range(-reach, reach + 1):
                    for dj in range(-reach, reach + 1):
                        if 0 <= i + di < height and 0 <= j + dj < width:
                            total += (
                                x[:, i + di, j + dj]
                                * weight[k, :, reach + di, reach + dj]
                            ).sum()
                out[k, i, j] = total
    return out


@pytest.mark.parametrize('per_pixel', [False, True])
def test_head_is_eq_1(per_pixel: bool) -> None:
    """Three branches of 4x6, 2x3 and 1x1 cells, two keypoints, by numpy."""
    height, width = 4, 6
    sizes, channels = [(4, 6), (2, 3), (1, 1)], (2, 1, 3)
    head = SumNetHead(channels, 2, map_size=(width, height), weight_per_pixel=per_pixel)
    randomize(head)
    generator = torch.Generator().manual_seed(1)
    feats = tuple(
        torch.randn(2, c, *size, generator=generator)
        for c, size in zip(channels, sizes, strict=True)
    )
    found = head.probability_maps(feats).detach().numpy()
    alpha = head.alpha.detach().double().numpy()
    for b in range(2):
        scores = np.zeros((2, height, width))
        for r, (h, w) in enumerate(sizes):
            conv = head.last_conv[r]
            maps = convolve(
                feats[r][b].double().numpy(),
                conv.weight.detach().double().numpy(),
                conv.bias.detach().double().numpy(),
            )
            for k in range(2):
                for i in range(height):
                    for j in range(width):
                        at = (i, j) if per_pixel else (0, 0)
                        scores[k, i, j] += (
                            alpha[(r, k, *at)]
                            * maps[k, i * h // height, j * w // width]
                        )
        likely = np.exp(scores)
        likely /= likely.sum((1, 2), keepdims=True)
        assert likely.std() > 0.01
        np.testing.assert_allclose(found[b], likely, rtol=1e-4, atol=1e-7)


def branch_features(net: SumNet, x: Tensor, levels: list[int]) -> list[Tensor]:
    """Trunk and branches by hand."""
    out = []
    for level, stage in enumerate(net.trunk):
        x = apply(halve(x) if level else x, conv_layers(stage))
        if level in levels:
            branch = net.branches[levels.index(level)]
            out.append(apply(x, conv_layers(branch)))
    return out


@pytest.mark.parametrize(
    ('arch', 'num_branches'),
    [('mtfl', 4), ('mtfl', 5), ('mtfl', 6), ('300w', 5)],
)
def test_features_of_the_branches(arch: str, num_branches: int) -> None:
    net = SumNet(num_branches, arch).eval()
    randomize(net)
    found = net(crops(2))
    expected = branch_features(net, crops(2), list(range(num_branches)))
    sides = [80, 40, 20, 10, 5, 2][:num_branches]
    assert [x.shape[-1] for x in found] == sides
    for a, b in zip(found, expected, strict=True):
        assert b.std() > 0.01
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_the_2x2_branch_is_tiled_in_one_step() -> None:
    """Each of its cells covers 40x40 pixels."""
    net = SumNet(6, mask=(1, 0, 0, 0, 0, 0))
    head = SumNetHead(net.out_channels, 5, map_size=(80, 80))
    randomize(net), randomize(head)
    scores = head(net(crops(1)))
    for i in (0, 40):
        for j in (0, 40):
            block = scores[..., i : i + 40, j : j + 40]
            assert (block == block[..., :1, :1]).all()
    assert len(scores[0, 0].unique()) == 4


@pytest.mark.parametrize(
    ('arch', 'num_branches', 'keypoints'),
    [('mtfl', 4, 5), ('mtfl', 5, 5), ('mtfl', 6, 5), ('300w', 5, 68)],
)
def test_every_weight_is_trained(arch: str, num_branches: int, keypoints: int) -> None:
    """Also the weights of the coarsest branch, and alpha."""
    net = SumNet(num_branches, arch)
    head = SumNetHead(net.out_channels, keypoints)
    randomize(net), randomize(head)
    head(net(crops(2))).square().mean().backward()
    for module in (net, head):
        for name, parameter in module.named_parameters():
            assert parameter.grad.abs().max() > 0, name


# -------------------------------------------------------------------- masks


@pytest.mark.parametrize(
    'mask',
    ['1000', '0100', '1100', '0010', '0001', '0011', '0111', '1001', '1010'],
)
def test_a_masked_branch_is_absent_from_the_sum(mask: str) -> None:
    """A masked branch acts like alpha 0 and has no weights."""
    full = SumNet(4).eval()
    full_head = SumNetHead(full.out_channels, 5)
    randomize(full), randomize(full_head)
    kept = [i for i, digit in enumerate(mask[::-1]) if digit == '1']

    net = SumNet(4, mask=tuple(map(int, mask))).eval()
    widths = tuple(full.out_channels[i] for i in kept)
    assert net.out_channels == widths
    head = SumNetHead(net.out_channels, 5, map_size=(80, 80))
    assert shapes(net) == shapes(full.trunk)[: kept[-1] + 1] + [
        (w, w, 3) for w in widths
    ]
    assert shapes(head) == [(w, 5, 3) for w in widths]
    for new, old in enumerate(kept):
        net.branches[new].load_state_dict(full.branches[old].state_dict())
        head.last_conv[new].load_state_dict(full_head.last_conv[old].state_dict())
    for level, stage in enumerate(net.trunk):
        stage.load_state_dict(full.trunk[level].state_dict())
    head.alpha.data = full_head.alpha.data[kept].clone()
    masked = [i for i in range(4) if i not in kept]
    full_head.alpha.data[masked] = 0

    expected = full_head(full(crops(2)))
    assert expected.std() > 0.01
    torch.testing.assert_close(head(net(crops(2))), expected)


def test_a_tile_counts_as_a_whole() -> None:
    """Keypoints lie at the centres of the 10x10 branch's tiles."""
    codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80))
    net = SumNet(4, mask=(1, 0, 0, 0)).eval()
    head = SumNetHead(net.out_channels, 5, map_size=(80, 80), decoder=codec).eval()
    randomize(net), randomize(head)
    feats = net(crops(4))
    coarse = head.last_conv[0](feats[0]) * head.alpha[0]
    flat = coarse.flatten(2).argmax(-1)
    centres = torch.stack((flat % 10, flat // 10), dim=-1) * 8 + 3.5
    assert len(flat.unique()) > 5
    found = head.decode(head.probability_maps(feats))
    for pred, expected in zip(found, centres, strict=True):
        np.testing.assert_array_equal(pred.keypoints[0], expected.numpy())


@pytest.mark.skipif(
    not (ANNOTATIONS / 'aflw5_test.json').is_file(),
    reason='needs data/annotations/aflw5_test.json',
)
def test_no_tile_of_8_cells_reaches_row_1000_of_table_1() -> None:
    """The right tile for each keypoint of AFLW, by the protocol of cells."""
    content = json.loads((ANNOTATIONS / 'aflw5_test.json').read_text())
    errors = []
    for face in content['annotations']:
        truth = np.array(face['keypoints']).reshape(5, 3)[:, :2]
        x, y, side, _ = face['bbox']
        points = (truth - (x, y)) * 80 / side
        cells = np.floor(points + 0.5)
        centres = cells // 8 * 8 + 3.5
        eyes = np.linalg.norm(points[0] - points[1])
        errors.append(np.linalg.norm(centres - cells, axis=1).mean() / eyes)
    assert len(errors) == 2995
    assert 100 * np.mean(errors) == pytest.approx(11.97, abs=0.005)


# ------------------------------------------------------------------- errors


@pytest.mark.parametrize('num_branches', [1, 7])
def test_wrong_number_of_branches(num_branches: int) -> None:
    with pytest.raises(ValueError, match=f'={num_branches} is.*2 to 6'):
        SumNet(num_branches)


def test_wrong_input() -> None:
    with pytest.raises(ValueError, match=r'SumNet got .*takes \(B, 1, H, W\)'):
        SumNet(4)(torch.zeros(1, 3, 80, 80))
    with pytest.raises(ValueError, match='side of 84 px has no pyramid of 4'):
        SumNet(4)(torch.zeros(1, 1, 80, 84))


def test_features_that_do_not_fit_the_head() -> None:
    head = SumNetHead((16, 48), 5)
    with pytest.raises(ValueError, match=r'of \(16, 32, 48, 48\) channels.*'):
        head(SumNet(4)(crops(1)))


def test_per_pixel_weights_need_a_size() -> None:
    with pytest.raises(ValueError, match='needs map_size'):
        SumNetHead((16, 48), 5, weight_per_pixel=True)


def test_maps_smaller_than_the_crop() -> None:
    head = SumNetHead(SumNet(4).out_channels, 5, map_size=(40, 40))
    with pytest.raises(ValueError, match='80x80 cells.*tiled to 40x40'):
        head(SumNet(4)(crops(1)))
