from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rcn_mmpose.models import RCN, SpatialSoftmaxHead
from rcn_mmpose.models.backbones.rcn import pool, pyramid, tile

# One channel, one layer everywhere.
TINY = dict(trunk=((1, 3),) * 7, branches=(((1, 3),),) * 7)


def convs(module: nn.Module) -> list[nn.Conv2d]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d)]


def shapes(module: nn.Module) -> list[tuple]:
    """(in, out, kernel) of each convolution."""
    return [
        (c.in_channels, c.out_channels, c.kernel_size[0])
        for c in convs(module)
    ]


def randomize(model: nn.Module, seed: int = 0) -> None:
    """Biases count as well."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        scale = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 1
        parameter.data.normal_(0, scale, generator=generator)


# --------------------------------------------------------- architecture


@pytest.mark.parametrize(
    ('arch', 'num_branches', 'keypoints', 'kernel', 'count'),
    [
        ('mtfl', 4, 5, 3, 164_837),
        ('mtfl', 5, 5, 3, 227_141),
        ('mtfl', 6, 5, 3, 310_229),
        ('mtfl', 7, 5, 3, 338_021),
        ('300w', 5, 68, 1, 1_095_492),
    ],
)
def test_parameter_counts(
    arch: str, num_branches: int, keypoints: int, kernel: int, count: int
) -> None:
    model = RCN(num_branches, arch)
    head = SpatialSoftmaxHead(
        model.out_channels, keypoints, kernel_size=kernel
    )
    parameters = [*model.parameters(), *head.parameters()]
    assert sum(p.numel() for p in parameters) == count


# Channels in and out and kernel, finest branch first.
BRANCHES = [
    [(32, 16, 3)],
    [(64, 32, 3), (32, 16, 3)],
    [(96, 48, 3), (48, 32, 3)],
    [(96, 48, 3)],
    [(96, 48, 3), (48, 48, 3)],
    [(96, 48, 3), (48, 48, 3)],
]
COARSEST = {
    # the 10x10 branch has two convolutions where nothing feeds it
    4: [(48, 48, 3), (48, 48, 3)],
    5: [(48, 48, 3), (48, 48, 3)],
    6: [(48, 48, 3), (48, 48, 3)],
    7: [(48, 48, 1), (48, 48, 1)],
}
TRUNK = [
    (1, 16, 3),
    (16, 32, 3),
    (32, 48, 3),
    (48, 48, 3),
    (48, 48, 3),
    (48, 48, 3),
    (48, 48, 1),
]


@pytest.mark.parametrize('num_branches', [4, 5, 6, 7])
def test_layers_for_5_keypoints(num_branches: int) -> None:
    model = RCN(num_branches)
    assert shapes(model.trunk) == TRUNK[:num_branches]
    expected = BRANCHES[: num_branches - 1] + [COARSEST[num_branches]]
    assert [shapes(b) for b in model.branches] == expected
    assert model.out_channels == 16


def test_layers_for_68_keypoints() -> None:
    model = RCN(5, '300w')
    assert shapes(model.trunk) == [(1, 64, 3)] + [(64, 64, 3)] * 4
    wide, same = (128, 64, 5), (64, 64, 1)
    assert [shapes(b) for b in model.branches] == [
        [wide, same, same],
        [wide, same],
        [wide, same],
        [wide],
        [(64, 64, 5), same],
    ]
    assert model.out_channels == 64


# ------------------------------------------------------- pool and upsample


@pytest.mark.parametrize('size', [(80, 40), (10, 10), (5, 5), (5, 10), (2, 5)])
def test_pool_by_brute_force(size: tuple) -> None:
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    x -= 0.5
    kernel = [3 if side == 5 else 2 for side in size]
    height, width = size[0] // 2, size[1] // 2
    expected = torch.empty(2, 3, height, width)
    for i in range(height):
        for j in range(width):
            window = x[
                ...,
                2 * i : 2 * i + kernel[0],
                2 * j : 2 * j + kernel[1],
            ]
            expected[..., i, j] = window.amax((2, 3))
    assert torch.equal(pool(x), expected)


@pytest.mark.parametrize(
    ('small', 'large'),
    [
        ((2, 2), (5, 5)),
        ((1, 1), (2, 2)),
        ((5, 5), (10, 10)),
        ((2, 4), (5, 8)),
        ((10, 2), (20, 5)),
        ((2, 2), (4, 4)),
    ],
)
def test_tile_by_brute_force(small: tuple, large: tuple) -> None:
    x = torch.rand(2, 3, *small, generator=torch.Generator().manual_seed(0))
    expected = torch.empty(2, 3, *large)
    # 2 -> 5: three times, then without the last
    factor = [3 if side == 5 else 2 for side in large]
    for i in range(large[0]):
        for j in range(large[1]):
            expected[..., i, j] = x[..., i // factor[0], j // factor[1]]
    assert torch.equal(tile(x, large), expected)


def test_tile_two_to_five_by_hand() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    expected = [
        [1, 1, 1, 2, 2],
        [1, 1, 1, 2, 2],
        [1, 1, 1, 2, 2],
        [3, 3, 3, 4, 4],
        [3, 3, 3, 4, 4],
    ]
    assert tile(x, (5, 5))[0, 0].tolist() == expected


# ----------------------------------------------------------------- forward


def halve(x: Tensor) -> Tensor:
    """Max-pooling of 2x2, or 3x3 from 5 cells."""
    for dim in (2, 3):
        k = 3 if x.shape[dim] == 5 else 2
        x = x.unfold(dim, k, 2).amax(-1)
    return x


def enlarge(x: Tensor, size: torch.Size) -> Tensor:
    for dim in (2, 3):
        k = 3 if size[dim] == 5 else 2
        x = x.repeat_interleave(k, dim).narrow(dim, 0, size[dim])
    return x


def apply(x: Tensor, layers: list[nn.Conv2d]) -> Tensor:
    for layer in layers:
        padding = layer.kernel_size[0] // 2
        x = F.conv2d(x, layer.weight, layer.bias, 1, padding).clamp_min(0)
    return x


def eq_3(x: Tensor, trunk: list, branches: list) -> Tensor:
    """Features of a branch from the trunk and the next coarser branch."""
    x = apply(x, trunk[0])
    below = x
    if len(branches) > 1:
        coarse = eq_3(halve(x), trunk[1:], branches[1:])
        below = torch.cat([x, enlarge(coarse, x.shape)], 1)
    return apply(below, branches[0])


@pytest.mark.parametrize(
    ('arch', 'num_branches', 'size'),
    [
        ('mtfl', 2, (6, 10)),
        ('mtfl', 4, (80, 80)),
        ('mtfl', 4, (24, 40)),
        ('mtfl', 5, (80, 80)),
        ('mtfl', 6, (80, 80)),
        ('mtfl', 6, (80, 160)),
        ('mtfl', 6, (160, 96)),
        ('mtfl', 7, (80, 80)),
        ('mtfl', 7, (64, 80)),
        ('300w', 4, (40, 40)),
        ('300w', 5, (80, 80)),
        ('300w', 7, (80, 64)),
    ],
)
def test_forward_is_eq_3(arch: str, num_branches: int, size: tuple) -> None:
    model = RCN(num_branches, arch).eval()
    randomize(model)
    trunk = [convs(m) for m in model.trunk]
    branches = [convs(m) for m in model.branches]
    assert len(trunk) == len(branches) == num_branches
    x = torch.randn(2, 1, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out = model(x)
        expected = eq_3(x, trunk, branches)
    assert isinstance(out, tuple)
    assert len(out) == 1
    assert out[0].shape == (2, model.out_channels, *size)
    assert expected.std() > 0.01  # not all cut off by the ReLU
    torch.testing.assert_close(out[0], expected, rtol=1e-4, atol=1e-4)


def test_every_weight_counts() -> None:
    model = RCN(7)
    randomize(model)
    x = torch.randn(4, 1, 80, 80, generator=torch.Generator().manual_seed(1))
    model(x)[0].square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_the_input_is_not_modified() -> None:
    x = torch.randn(1, 2, 8, 8)
    before = x.clone()
    RCN(3, in_channels=2)(x)
    assert torch.equal(x, before)


def test_own_arch() -> None:
    arch = dict(
        trunk=[(4, 3), (6, 5)],
        branches=[[(8, 1)], [(2, 3)]],
        coarsest={1: [(3, 3), (5, 1)]},
    )
    model = RCN(2, arch, in_channels=3)
    assert shapes(model.trunk) == [(3, 4, 3), (4, 6, 5)]
    assert [shapes(b) for b in model.branches] == [
        [(4 + 5, 8, 1)],
        [(6, 3, 3), (3, 5, 1)],
    ]
    assert model(torch.zeros(1, 3, 6, 4))[0].shape == (1, 8, 6, 4)


def test_initial_weights() -> None:
    """He's: the variance is 2 / (channels * kernel area), the biases 0."""
    torch.manual_seed(0)
    model = RCN(6)
    model.init_weights()
    for layer in convs(model):
        assert not layer.bias.any()
        fan = layer.out_channels * layer.kernel_size[0] ** 2
        wanted = (2 / fan) ** 0.5
        # the standard error of a standard deviation
        error = wanted / (2 * layer.weight.numel()) ** 0.5
        assert layer.weight.std().item() == pytest.approx(
            wanted, abs=4 * error
        )


# ------------------------------------------------------------------ errors


def has_pyramid(size: int, levels: int) -> bool:
    """Even at each halving; 5 -> 2 may be one of the last two."""
    halvings = levels - 1
    fives = [5 * 2 ** (halvings - k) for k in (1, 2) if halvings >= k]
    return size > 0 and (size % 2**halvings == 0 or size in fives)


@pytest.mark.parametrize('levels', [2, 3, 4, 5, 6, 7])
def test_pyramids_of_all_sizes(levels: int) -> None:
    for size in range(0, 200):
        if has_pyramid(size, levels):
            sides = pyramid(size, levels)
            assert len(sides) == levels
            for a, b in zip(sides, sides[1:], strict=False):
                assert (a, b) == (5, 2) or a == 2 * b
            continue
        with pytest.raises(ValueError, match=f'side of {size} px') as error:
            pyramid(size, levels)
        proposed = re.search(r'Use ([\d or]+) px', str(error.value))[1]
        proposed = [int(n) for n in proposed.split(' or ')]
        assert 1 <= len(proposed) <= 2
        for other in proposed:
            assert has_pyramid(other, levels)
            assert abs(other - size) <= 2 ** (levels - 1)


def test_pyramid_of_80() -> None:
    assert pyramid(80, 4) == [80, 40, 20, 10]
    assert pyramid(80, 7) == [80, 40, 20, 10, 5, 2, 1]
    assert pyramid(64, 7) == [64, 32, 16, 8, 4, 2, 1]


@pytest.mark.parametrize('size', [(81, 80), (80, 90), (60, 80)])
def test_input_without_pyramid(size: tuple) -> None:
    model = RCN(6, TINY)
    wrong = next(side for side in size if side != 80)
    with pytest.raises(ValueError, match=f'side of {wrong} px') as error:
        model(torch.zeros(1, 1, *size))
    proposed = re.search(r'Use (\d+) or (\d+) px', str(error.value)).groups()
    for side in map(int, proposed):
        x = torch.zeros(1, 1, *(side if s == wrong else s for s in size))
        assert model(x)[0].shape == x.shape


@pytest.mark.parametrize('shape', [(1, 3, 80, 80), (80, 80), (1, 80, 80)])
def test_wrong_input(shape: tuple) -> None:
    model = RCN(6, TINY)
    with pytest.raises(ValueError, match=r'takes \(B, 1, H, W\)') as error:
        model(torch.zeros(shape))
    assert str(shape) in str(error.value)


def test_unknown_arch() -> None:
    with pytest.raises(ValueError, match=r"'wflw'.*'300w', 'mtfl'"):
        RCN(6, 'wflw')


@pytest.mark.parametrize('num_branches', [-1, 0, 1, 8])
def test_wrong_number_of_branches(num_branches: int) -> None:
    with pytest.raises(ValueError, match=f'={num_branches} is.*2 to 7'):
        RCN(num_branches)


def test_arch_of_uneven_lists() -> None:
    arch = dict(trunk=[(4, 3)] * 3, branches=[[(4, 3)]] * 2)
    with pytest.raises(ValueError, match='3 trunk layers and 2 branches'):
        RCN(2, arch)


def test_making_a_model_leaves_the_table_alone() -> None:
    RCN(4)
    assert shapes(RCN(5).branches[3]) == [(96, 48, 3)]


def test_even_kernels_are_refused() -> None:
    arch = dict(trunk=[(4, 3)] * 2, branches=[[(4, 2)]] * 2)
    with pytest.raises(ValueError, match=r'kernels \[2, 3\]; only odd'):
        RCN(num_branches=2, arch=arch)
