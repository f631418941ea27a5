from __future__ import annotations

import re

import pytest
import torch
from by_hand import (
    apply,
    conv_layers,
    count,
    enlarge,
    halve,
    randomize,
    shapes,
)
from torch import Tensor

from rcn_mmpose.models import RCN, SpatialSoftmaxHead, SumNet

# One channel, one layer everywhere.
TINY = dict(trunk=((1, 3),) * 7, branches=(((1, 3),),) * 7)


def crops(batch: int, height: int = 80, width: int = 80) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 1, height, width, generator=generator)


# --------------------------------------------------------- architecture


@pytest.mark.parametrize(
    ('arch', 'num_branches', 'skip', 'keypoints', 'kernel', 'total'),
    [
        ('mtfl', 4, False, 5, 3, 164_837),
        ('mtfl', 5, False, 5, 3, 227_141),
        ('mtfl', 6, False, 5, 3, 310_229),
        ('mtfl', 7, False, 5, 3, 338_021),
        ('300w', 5, False, 68, 1, 1_095_492),
        ('mtfl', 5, True, 5, 3, 293_957),
        ('mtfl', 6, True, 5, 3, 439_253),
        ('mtfl', 7, True, 5, 3, 549_989),
        ('300w', 5, True, 68, 1, 1_709_892),
    ],
)
def test_parameter_counts(
    arch: str,
    num_branches: int,
    skip: bool,
    keypoints: int,
    kernel: int,
    total: int,
) -> None:
    model = RCN(num_branches, arch, skip=skip)
    head = SpatialSoftmaxHead(model.out_channels, keypoints, kernel_size=kernel)
    assert count(model, head) == total


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
    # the 10x10 branch has two convolutions if no coarser branch feeds it
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


# ----------------------------------------------------------------- forward


def handed_on(
    x: Tensor, trunk: list, branches: list, skip: bool = False
) -> list[Tensor]:
    """Results that a level passes to the next finer level, the newest first (eq. 3).

    A branch without layers is masked.
    """
    x = apply(x, trunk[0])
    coarser = []
    if len(branches) > 1:
        coarser = handed_on(halve(x), trunk[1:], branches[1:], skip)
        coarser = [enlarge(y, x.shape) for y in coarser]
    if not branches[0]:
        return coarser
    out = apply(torch.cat([x, *coarser], 1), branches[0])
    return [out, *coarser] if skip else [out]


def by_hand(model: RCN, x: Tensor, skip: bool = False) -> Tensor:
    trunk = [conv_layers(m) for m in model.trunk]
    branches = [conv_layers(m) for m in model.branches]
    assert len(trunk) == len(branches)
    return handed_on(x, trunk, branches, skip)[0]


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
    assert len(model.branches) == num_branches
    x = crops(2, *size)
    with torch.no_grad():
        out = model(x)
        expected = by_hand(model, x)
    assert isinstance(out, tuple)
    assert len(out) == 1
    assert out[0].shape == (2, model.out_channels, *size)
    assert expected.std() > 0.01  # not all clipped by the ReLU
    torch.testing.assert_close(out[0], expected, rtol=1e-4, atol=1e-4)


def test_every_weight_is_used() -> None:
    model = RCN(7)
    randomize(model)
    model(crops(4))[0].square().mean().backward()
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
    for layer in conv_layers(model):
        assert not layer.bias.any()
        fan = layer.out_channels * layer.kernel_size[0] ** 2
        wanted = (2 / fan) ** 0.5
        # the standard error of a standard deviation
        error = wanted / (2 * layer.weight.numel()) ** 0.5
        assert layer.weight.std().item() == pytest.approx(wanted, abs=4 * error)


# ---------------------------------------------------- skip connections


@pytest.mark.parametrize('num_branches', [5, 6, 7])
def test_layers_with_skip(num_branches: int) -> None:
    """A branch reads its trunk level and the results of all coarser branches."""
    model = RCN(num_branches, skip=True)
    out = [16, 16, 32, 48, 48, 48, 48][:num_branches]
    trunk = [16, 32, 48, 48, 48, 48, 48]
    for level, branch in enumerate(model.branches):
        width = trunk[level] + sum(out[level + 1 :])
        assert shapes(branch)[0][0] == width
        assert shapes(branch)[-1][1] == out[level]
    if num_branches == 6:
        assert shapes(model.branches[0]) == [(208, 16, 3)]


@pytest.mark.parametrize(
    ('arch', 'num_branches', 'size'),
    [
        ('mtfl', 5, (80, 80)),
        ('mtfl', 6, (80, 80)),
        ('mtfl', 7, (64, 80)),
        ('300w', 5, (40, 80)),
    ],
)
def test_skip_connections(arch: str, num_branches: int, size: tuple) -> None:
    model = RCN(num_branches, arch, skip=True).eval()
    randomize(model)
    x = crops(2, *size)
    with torch.no_grad():
        out = model(x)[0]
        expected = by_hand(model, x, skip=True)
    assert out.shape == (2, model.out_channels, *size)
    assert expected.std() > 0.01
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)


# ------------------------------------------------------------------- masks

# Table 1, coarsest to finest.
MASKS = ['1000', '0100', '1100', '0010', '0001', '0011', '0111', '1001']
# Channels of the finest kept branch, which the head reads.
WIDTHS = [48, 32, 32, 16, 16, 16, 16, 16]


def mask_of(digits: str) -> tuple[int, ...]:
    return tuple(map(int, digits))


@pytest.mark.parametrize('skip', [False, True])
@pytest.mark.parametrize(
    ('digits', 'width'),
    [*zip(MASKS, WIDTHS, strict=True), ('1011', 16), ('1010', 16)],
)
def test_masks(digits: str, width: int, skip: bool) -> None:
    model = RCN(4, mask=mask_of(digits), skip=skip).eval()
    assert [len(b) > 0 for b in model.branches] == [
        digit == '1' for digit in digits.lstrip('0')[::-1]
    ]
    randomize(model)
    with torch.no_grad():
        out = model(crops(2))[0]
        expected = by_hand(model, crops(2), skip)
    assert out.shape == (2, width, 80, 80)
    assert model.out_channels == width
    assert expected.std() > 0.01
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ('mask', 'smaller'),
    [((0, 1, 1, 1), 3), ((0, 0, 1, 1), 2), ((0, 1, 1, 1, 1), 4)],
)
def test_an_rcn_without_its_coarsest_branches_is_a_smaller_rcn(
    mask: tuple, smaller: int
) -> None:
    masked, plain = RCN(len(mask), mask=mask), RCN(smaller)
    plain.load_state_dict(masked.state_dict())
    x = crops(1)
    assert torch.equal(masked(x)[0], plain(x)[0])


def test_a_masked_branch_equals_a_branch_that_copies() -> None:
    """Two networks, one with a branch that copies its coarse features."""
    arch = dict(
        trunk=[(2, 3)] * 4,
        branches=[[(3, 3)], [(3, 3)], [(3, 1)], [(3, 3)]],
    )
    full = RCN(4, arch).eval()
    randomize(full)
    copy = conv_layers(full.branches[2])[0]
    copy.bias.data.zero_()
    # two channels of the trunk, then three of the coarser branch
    copy.weight.data = torch.eye(5)[2:, :, None, None].clone()
    masked = RCN(4, arch, mask=(1, 0, 1, 1)).eval()
    state = full.state_dict()
    kept = {k: v for k, v in state.items() if not k.startswith('branches.2')}
    assert len(kept) == len(state) - 2
    masked.load_state_dict(kept)
    x = crops(2, 16, 24)
    out = full(x)[0]
    assert out.std() > 0.01
    torch.testing.assert_close(masked(x)[0], out)


def test_coarse_features_are_tiled_level_by_level() -> None:
    """2 to 5 cells is three and two, so 2 to 80 is 48 and 32."""
    model = RCN(6, mask=(1, 0, 0, 0, 0, 0)).eval()
    randomize(model)
    coarse = conv_layers(model.branches[5])
    x = crops(1)
    for stage in model.trunk[:-1]:
        x = halve(apply(x, conv_layers(stage)))
    x = apply(apply(x, conv_layers(model.trunk[-1])), coarse)
    assert x.shape == (1, 48, 2, 2)
    out = model(crops(1))[0]
    first = torch.arange(80) < 48
    for i in range(2):
        for j in range(2):
            rows, columns = (first if k == 0 else ~first for k in (i, j))
            block = out[:, :, rows][..., columns]
            expected = x[:, :, i : i + 1, j : j + 1].expand_as(block)
            torch.testing.assert_close(block, expected, rtol=1e-4, atol=1e-4)


def test_every_weight_of_a_masked_network_is_used() -> None:
    for digits in MASKS:
        model = RCN(4, mask=mask_of(digits))
        randomize(model)
        model(crops(2))[0].square().mean().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad.abs().max() > 0, (digits, name)


@pytest.mark.parametrize('network', [RCN, SumNet])
def test_a_mask_that_removes_every_branch(network: type) -> None:
    with pytest.raises(ValueError, match=r'\(0, 0, 0, 0\) removes every br'):
        network(4, mask=(0, 0, 0, 0))


@pytest.mark.parametrize('network', [RCN, SumNet])
@pytest.mark.parametrize('mask', [(1, 0, 1), (1,) * 5, (1, 0, 2, 1), ()])
def test_masks_that_do_not_fit(network: type, mask: tuple) -> None:
    with pytest.raises(ValueError, match='give 4 values of 0 or 1') as error:
        network(4, mask=mask)
    assert f'mask={mask} does not fit 4 branches' in str(error.value)


# ------------------------------------------------------------------ errors


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


def test_arch_with_a_branch_of_no_layers() -> None:
    arch = dict(trunk=[(4, 3)] * 2, branches=[[(4, 3)], []])
    with pytest.raises(ValueError, match=r'2 branches of \[1, 0\] layers'):
        RCN(2, arch)


def test_building_a_model_does_not_change_the_table() -> None:
    RCN(4)
    assert shapes(RCN(5).branches[3]) == [(96, 48, 3)]
