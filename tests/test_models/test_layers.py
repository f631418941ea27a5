from __future__ import annotations

import re

import pytest
import torch

from rcn_mmpose.models.layers import convs, pool, pyramid, tile


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
    # 2 -> 5: repeated three times, the last one dropped
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


@pytest.mark.parametrize('size', [(4, 10), (10, 4)])
def test_tile_does_not_shrink(size: tuple) -> None:
    height, width = size
    with pytest.raises(ValueError, match=f'5x5 cells.*{height}x{width};'):
        tile(torch.zeros(1, 1, 5, 5), size)


# ----------------------------------------------------------------- pyramid


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


# ------------------------------------------------------------ convolutions


def test_convs_keep_the_size() -> None:
    stack = convs(2, [(3, 1), (4, 3), (5, 7)])
    x = torch.randn(1, 2, 6, 4, generator=torch.Generator().manual_seed(0))
    out = stack(x)
    assert out.shape == (1, 5, 6, 4)
    assert out.min() == 0  # ReLU
    assert [m.conv.bias is not None for m in stack] == [True] * 3


def test_even_kernels_raise() -> None:
    with pytest.raises(ValueError, match='4 channels has a kernel of 2; only'):
        convs(1, [(3, 1), (4, 2)])
