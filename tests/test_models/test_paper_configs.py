"""Each experiment of configs/paper and backbones builds, trains, decodes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

CONFIGS = Path(__file__).parents[2] / 'configs'
PAPER = sorted((CONFIGS / 'paper').glob('*.py'))
OTHERS = sorted((CONFIGS / 'backbones').glob('*.py'))
# A joint model combines two trained models.
TRAINED = [p for p in PAPER + OTHERS if '_joint_' not in p.stem]


def fake_face(keypoints: int, seed: int) -> dict:
    """An image of noise with keypoints, as a dataset gives it."""
    rng = np.random.default_rng(seed)
    return dict(
        img=rng.integers(0, 256, (120, 120, 3)).astype(np.uint8),
        img_path='none.png',
        img_id=seed,
        id=seed,
        sample_idx=19 + seed,  # the first sample keeps its labels for any fraction
        bbox=np.array([[20, 20, 100, 100]], np.float32),
        bbox_score=np.ones(1, np.float32),
        keypoints=rng.uniform(30, 90, (1, keypoints, 2)).astype(np.float32),
        keypoints_visible=np.ones((1, keypoints), np.float32),
        flip_indices=list(range(keypoints)),
        dataset_keypoint_weights=np.ones(keypoints, np.float32),
    )


def batch(pipeline: list, keypoints: int, size: int = 2) -> dict:
    steps = Compose(pipeline)
    faces = [steps(fake_face(keypoints, i)) for i in range(size)]
    return {key: [face[key] for face in faces] for key in faces[0]}


def load(path: Path) -> Config:
    init_default_scope('mmpose')
    return Config.fromfile(str(path))


@pytest.mark.parametrize('path', TRAINED, ids=lambda path: path.stem)
def test_builds_trains_and_decodes(path: Path) -> None:
    from mmpose.registry import MODELS

    cfg = load(path)
    keypoints = 68 if path.stem.startswith('300w') else 5
    model = MODELS.build(cfg.model)
    model.init_weights()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    data = batch(cfg.train_dataloader.dataset.pipeline, keypoints)
    losses = model.train().train_step(data, wrapper)
    assert np.isfinite(losses['loss'].item())
    after = model.state_dict()
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    moved = [n for n in trained if not after[n].equal(before[n])]
    assert len(moved) > 0.5 * len(trained)

    data = batch(cfg.val_dataloader.dataset.pipeline, keypoints)
    for sample in model.eval().val_step(data):
        pred = sample.pred_instances
        assert pred.keypoints.shape == (1, keypoints, 2)
        assert (pred.keypoints > 19).all() and (pred.keypoints < 101).all()
        assert pred.keypoint_scores.shape == (1, keypoints)


def test_names() -> None:
    """Unique, so that a tool can find a config by its name alone."""
    names = [p.name for p in CONFIGS.rglob('*.py')]
    assert len(names) == len(set(names))
    for path in PAPER + OTHERS:
        assert re.fullmatch(
            r'(aflw|300w)_[a-z]+(_\d)?(_[a-z]\w+|_mask_[01]+)*', path.stem
        )


@pytest.mark.parametrize(
    'path',
    [path for path in PAPER if '_mask_' in path.stem],
    ids=lambda path: path.stem,
)
def test_masks_are_those_of_the_names(path: Path) -> None:
    backbone = load(path).model.backbone
    assert ''.join(map(str, backbone.mask)) == path.stem.split('_')[-1]
    assert backbone.num_branches == 4


@pytest.mark.parametrize(
    'path',
    [path for path in PAPER if path.stem.startswith('aflw')],
    ids=lambda path: path.stem,
)
def test_occlusion_where_the_tables_have_it(path: Path) -> None:
    steps = [s.type for s in load(path).train_dataloader.dataset.pipeline]
    if 'no_occlusion' in path.stem or '_4' in path.stem:
        assert 'rcn_mmpose.RandomOcclusion' not in steps
    else:
        place = steps.index('rcn_mmpose.RandomOcclusion')
        assert steps[place - 1] == 'rcn_mmpose.CropFace'


@pytest.mark.parametrize(
    'path',
    [path for path in PAPER if '_labels_' in path.stem],
    ids=lambda path: path.stem,
)
def test_parts_of_labels_are_those_of_the_names(path: Path) -> None:
    cfg = load(path)
    steps = cfg.train_dataloader.dataset.pipeline
    place = [s.type for s in steps].index('rcn_mmpose.WithholdLabels')
    assert steps[place + 1].type == 'GenerateTarget'
    digits = re.search(r'_labels_(\d\d)', path.stem)[1]
    assert steps[place].kept == pytest.approx(int(digits) / 100)
    unsupervised = cfg.model.type == 'rcn_mmpose.ELTPoseEstimator'
    assert unsupervised == path.stem.endswith('_elt')
