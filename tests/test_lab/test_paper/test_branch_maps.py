from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from rcn_mmpose.lab.paper.branch_maps import branch_scores

PAPER = Path(__file__).parents[3] / 'configs' / 'paper'


def build(name: str) -> torch.nn.Module:
    cfg = Config.fromfile(str(PAPER / f'{name}.py'))
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(cfg.model).eval()


def test_branches_add_up_to_the_network() -> None:
    sumnet = build('aflw_sumnet_4')
    crops = torch.rand(2, 1, 80, 80)
    with torch.no_grad():
        scores = branch_scores(sumnet, crops)
        whole = sumnet._forward(crops)
    assert [tuple(s.shape) for s in scores] == [(2, 5, 80, 80)] * 4
    torch.testing.assert_close(sum(scores), whole)
    # Coarsest first: the maps are constant over tiles of 8x8, 4x4 and 2x2 cells.
    for branch, side in zip(scores, (8, 4, 2), strict=False):
        tiles = branch[..., ::side, ::side]
        tiled = tiles.repeat_interleave(side, -1).repeat_interleave(side, -2)
        assert branch.equal(tiled)
    assert not scores[3][..., ::2].equal(scores[3][..., 1::2])


def test_other_models_are_refused() -> None:
    with pytest.raises(ValueError, match='has a SpatialSoftmaxHead, not a Su'):
        branch_scores(build('aflw_rcn_4'), torch.rand(1, 1, 80, 80))
