"""Helpers: a small network, and its checkpoint in the format of a training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import nn

SIDE = 40
CODEC = dict(type='rcn_mmpose.CellIndex', input_size=(SIDE, SIDE))
HEAD = dict(
    type='rcn_mmpose.SpatialSoftmaxHead',
    in_channels=16,
    out_channels=5,
    decoder=CODEC,
)
MODEL = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
    backbone=dict(type='rcn_mmpose.RCN', num_branches=4),
    head=HEAD,
    test_cfg=dict(flip_test=False),
)
DENOISER = dict(
    type='rcn_mmpose.KeypointDenoiser',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
    backbone=dict(type='rcn_mmpose.RCN', in_channels=5, num_branches=3),
    head=HEAD,
)
PIPELINE = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.CropFace', input_size=(SIDE, SIDE)),
    dict(type='PackPoseInputs'),
]
NAMES = ('left', 'right', 'nose', 'mouth_1', 'mouth_2')


def config(**model: object) -> Config:
    """Return a config; ``model`` replaces parts of its model."""
    return Config(
        dict(
            default_scope='mmpose',
            model=dict(MODEL, **model),
            test_dataloader=dict(
                dataset=dict(type='rcn_mmpose.MTFLDataset', pipeline=PIPELINE)
            ),
        )
    )


def build(seed: int = 0, **model: object) -> nn.Module:
    """Build the model of ``config`` with random weights and peaked score maps."""
    init_default_scope('mmpose')
    built = MODELS.build(config(**model).model).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, weight in built.named_parameters():
        if weight.ndim > 1:
            scale = (2 / weight[0].numel()) ** 0.5
        else:
            scale = 0.1
        if name.endswith('last_conv.weight'):
            scale *= 8
        weight.data.normal_(0, scale, generator=generator)
    return built


def write_checkpoint(path: Path, cfg: Config, model: nn.Module) -> Path:
    """Write a checkpoint with the keys of ``tools/train.py`` that tests need."""
    meta = dict(
        cfg=cfg.pretty_text,
        dataset_meta=dict(
            keypoint_id2name=dict(enumerate(NAMES)),
            flip_indices=[1, 0, 2, 4, 3],
            sigmas=np.ones(5),
            training_boxes=dict(
                haar=dict(scale=1.209, shift=0.088),
                yunet=dict(scale=1.092, shift=0.066),
            ),
        ),
    )
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
    return path


def random_crops(count: int, seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Return images of smooth noise, uint8 (count, side, side)."""
    rng = np.random.default_rng(seed)
    crops = rng.normal(size=(count, side, side)).astype(np.float32)
    crops = [cv2.GaussianBlur(crop, (0, 0), 1.5) for crop in crops]
    return np.stack(
        [cv2.normalize(c, None, 0, 255, cv2.NORM_MINMAX) for c in crops]
    ).astype(np.uint8)
