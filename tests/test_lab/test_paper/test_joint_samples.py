from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from rcn_mmpose.lab.paper.joint_samples import choose, predict_all, score_maps

SIDE = 16


def model(**options: object) -> torch.nn.Module:
    """Return a small joint model for 3 keypoints."""
    head = dict(
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=16,
        out_channels=3,
        decoder=dict(type='rcn_mmpose.CellIndex', input_size=(SIDE, SIDE)),
    )
    refiner = dict(
        type='rcn_mmpose.KeypointDenoiser',
        backbone=dict(
            type='rcn_mmpose.LargeKernelNet',
            in_channels=3,
            channels=4,
            kernel_size=9,
            input_size=(SIDE, SIDE),
        ),
        head=dict(head, in_channels=4),
    )
    config = dict(
        type='rcn_mmpose.JointEstimator',
        data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
        backbone=dict(type='rcn_mmpose.RCN', num_branches=3),
        head=head,
        refiner=refiner,
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(Config(dict(config, **options))).eval()


def test_maps_are_those_of_the_joint_model() -> None:
    joint = model()
    crops = torch.rand(2, 1, SIDE, SIDE)
    with torch.no_grad():
        maps = score_maps(joint, crops)
        torch.testing.assert_close(maps['joint'], joint._forward(crops))
    assert not maps['denoiser'].equal(torch.zeros_like(maps['denoiser']))
    torch.testing.assert_close(maps['RCN'] + maps['denoiser'], maps['joint'])


def test_other_models_are_refused() -> None:
    with pytest.raises(ValueError, match='with rounds=1, not JointEstim.* 2'):
        predict_all(model(rounds=2), [])
    with pytest.raises(ValueError, match='not Linear with none'):
        predict_all(torch.nn.Linear(1, 1), [])


def test_faces_are_chosen_by_rules() -> None:
    before = np.array([5.0, 1, 2, 3, 9, 9, 9, 9, 9, 4, 30, 8])
    after = np.array([5.0, 9, 2, 3, 4, 3, 2, 8, 1, 6, 29, 8])
    chosen = choose(before, after)
    assert chosen == {
        'RCN best': [1, 2],
        'mended': [8, 6, 5, 4, 7],  # gains of 8, 7, 6, 5, 1
        'made worse': [9],
        'joint worst': [10, 11],
    }
    with pytest.raises(ValueError, match='9 faces; figure 7 needs 10'):
        choose(before[:9], after[:9])
