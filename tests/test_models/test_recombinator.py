from __future__ import annotations

import pytest
import torch
from by_hand import randomize, shapes

from rcn_mmpose.models import RCN, Recombinator, Trunk
from rcn_mmpose.models.backbones.rcn import ARCHITECTURES

SIZES = [(3, 16), (5, 8), (7, 4)]  # channels, side


def maps(sizes: list = SIZES) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(2, c, side, side, generator=generator) for c, side in sizes
    )


@pytest.mark.parametrize('skip', [False, True])
def test_a_recombinator_over_the_trunk_equals_an_rcn(skip: bool) -> None:
    rcn, trunk = RCN(6, skip=skip), Trunk('mtfl', 6)
    neck = Recombinator(
        [16, 32, 48, 48, 48, 48], ARCHITECTURES['mtfl']['branches'][:6], skip
    )
    randomize(rcn)
    state = rcn.state_dict()
    trunk.load_state_dict({k: v for k, v in state.items() if k.startswith('trunk')})
    neck.load_state_dict({k: v for k, v in state.items() if k.startswith('branches')})
    x = torch.randn(1, 1, 80, 80, generator=torch.Generator().manual_seed(1))
    out = neck(trunk(x))
    assert len(out) == 1
    assert neck.out_channels == rcn.out_channels
    assert out[0].std() > 0.01
    assert torch.equal(out[0], rcn(x)[0])


def test_layers() -> None:
    neck = Recombinator([3, 5, 7])
    assert [shapes(b) for b in neck.branches] == [
        [(3 + 64, 64, 5), (64, 64, 1)],
        [(5 + 64, 64, 5), (64, 64, 1)],
        [(7, 64, 5), (64, 64, 1)],
    ]
    neck = Recombinator([3, 5, 7], [[(2, 3)], [(4, 1)], [(6, 3)]], skip=True)
    assert [shapes(b) for b in neck.branches] == [
        [(3 + 4 + 6, 2, 3)],
        [(5 + 6, 4, 1)],
        [(7, 6, 3)],
    ]
    assert neck.out_channels == 2
    assert neck(maps())[0].shape == (2, 2, 16, 16)


def test_levels_that_are_not_half_the_size() -> None:
    """The shortcut of a 1x1 kernel that copies the coarser map."""
    neck = Recombinator([1, 1], [(1, 1)])
    neck.branches[0][0].conv.weight.data = torch.tensor([[[[0.0]], [[1.0]]]])
    neck.branches[1][0].conv.weight.data.fill_(1)
    for branch in neck.branches:
        branch[0].conv.bias.data.zero_()
    coarse = torch.tensor([[[[1.0, 2, 3], [4, 5, 6]]]])
    out = neck((torch.zeros(1, 1, 6, 7), coarse))[0]
    assert out[0, 0].tolist() == [
        [1, 1, 1, 2, 2, 2, 3],
        [1, 1, 1, 2, 2, 2, 3],
        [1, 1, 1, 2, 2, 2, 3],
        [4, 4, 4, 5, 5, 5, 6],
        [4, 4, 4, 5, 5, 5, 6],
        [4, 4, 4, 5, 5, 5, 6],
    ]


def test_every_weight_is_trained() -> None:
    neck = Recombinator([3, 5, 7])
    randomize(neck)
    neck(maps())[0].square().mean().backward()
    for name, parameter in neck.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_other_channels() -> None:
    with pytest.raises(ValueError, match=r'\(3, 5, 7\) channels instead of '):
        Recombinator([3, 5, 8])(maps())


def test_a_pyramid_from_coarse_to_fine_raises() -> None:
    with pytest.raises(ValueError, match='from the finest to the coarsest'):
        Recombinator([7, 5, 3])(maps()[::-1])


@pytest.mark.parametrize('branches', [[], [[(2, 3)]], [[(2, 3)], [], [(2, 3)]]])
def test_branches_that_do_not_fit(branches: list) -> None:
    with pytest.raises(ValueError, match='for 3 maps; give each map at least'):
        Recombinator([3, 5, 7], branches)
