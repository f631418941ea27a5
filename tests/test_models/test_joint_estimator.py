from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmengine.structures import InstanceData
from mmpose.apis import inference_topdown, init_model
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from rcn_mmpose.models import JointEstimator

SWAPPED = [1, 0, 2]
SIDE = 16


def head(channels: int, side: int = SIDE, keypoints: int = 3) -> dict:
    return dict(
        type='rcn_mmpose.SpatialSoftmaxHead',
        in_channels=channels,
        out_channels=keypoints,
        decoder=dict(type='rcn_mmpose.CellIndex', input_size=(side, side)),
    )


def config(**options: object) -> dict:
    return dict(
        dict(
            type='rcn_mmpose.JointEstimator',
            data_preprocessor=dict(type='rcn_mmpose.LCNDataPreprocessor'),
            backbone=dict(type='rcn_mmpose.RCN', num_branches=3),
            head=head(16),
            refiner=refiner(),
            test_cfg=dict(output_heatmaps=True),
        ),
        **options,
    )


def refiner(side: int = SIDE, keypoints: int = 3) -> dict:
    return dict(
        type='rcn_mmpose.KeypointDenoiser',
        backbone=dict(
            type='rcn_mmpose.LargeKernelNet',
            in_channels=keypoints,
            channels=4,
            kernel_size=9,
            input_size=(side, side),
        ),
        head=head(4, side, keypoints),
    )


def randomize(model: nn.Module) -> None:
    """Draw weights large enough for peaks that differ between the two models."""
    torch.manual_seed(0)
    model.init_weights()
    for module in model.modules():
        if hasattr(module, 'last_conv'):
            nn.init.normal_(module.last_conv.weight, std=0.5)


def make(**options: object) -> JointEstimator:
    model = MODELS.build(config(**options))
    randomize(model)
    return model.eval()


def crops(batch: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 1, SIDE, SIDE, generator=generator)


def samples(batch: int = 4) -> list[PoseDataSample]:
    """Data samples whose crop equals the image."""
    out = []
    for _ in range(batch):
        sample = PoseDataSample(
            metainfo=dict(
                flip_indices=SWAPPED,
                input_size=(SIDE, SIDE),
                input_center=np.array([SIDE / 2] * 2),
                input_scale=np.array([SIDE] * 2),
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=np.array([[0, 0, SIDE, SIDE]]), bbox_scores=np.ones(1)
        )
        out.append(sample)
    return out


def by_hand(model: JointEstimator, inputs: Tensor, rounds: int = 1) -> Tensor:
    """Joint score maps as in figure 2, computed keypoint by keypoint."""
    scores = model.head(model.backbone(inputs))
    joint = scores
    for _ in range(rounds):
        maps = torch.zeros_like(scores)
        for b in range(len(maps)):
            for k in range(maps.shape[1]):
                row, column = np.unravel_index(
                    joint[b, k].numpy().argmax(), (SIDE, SIDE)
                )
                maps[b, k, row, column] = 1
        feats = model.refiner.backbone(maps)
        joint = scores + model.refiner.head(feats)
    return joint


# --------------------------------------------------------------- figure 2


@pytest.mark.parametrize('rounds', [1, 2, 3])
@torch.no_grad()
def test_score_maps_are_added(rounds: int) -> None:
    model = make(rounds=rounds)
    found = model(crops(), None)
    torch.testing.assert_close(found, by_hand(model, crops(), rounds))
    # the denoiser changes the maps, differently in each round
    assert not torch.allclose(found, by_hand(model, crops(), rounds - 1), atol=1e-2)


@torch.no_grad()
def test_joint_maps_are_decoded_once() -> None:
    model = make()
    scores = by_hand(model, crops())
    network = model.head(model.backbone(crops()))
    changed = 0
    for b, sample in enumerate(model.predict(crops(), samples())):
        maps = sample.pred_fields.heatmaps
        expected = scores[b].flatten(1).softmax(-1).view_as(maps)
        torch.testing.assert_close(maps, expected)
        cells = sample.pred_instances.keypoint_cells[0]
        for k in range(3):
            row, column = divmod(int(scores[b, k].argmax()), SIDE)
            assert cells[k].tolist() == [column, row]
            changed += int(network[b, k].argmax()) != row * SIDE + column
        away = sample.pred_instances.keypoints[0] - cells
        assert 0 < np.abs(away).max() <= 2
        assert sample.pred_instances.bboxes.shape == (1, 4)
    assert changed  # the joint maps do change keypoints


@torch.no_grad()
def test_the_head_is_not_modified() -> None:
    model = make()
    before = model.head(model.backbone(crops()))
    model.predict(crops(), samples())
    after = model.head(model.backbone(crops()))
    assert before.shape == after.shape and torch.equal(before, after)


@torch.no_grad()
def test_flip_test() -> None:
    """The mirrored crop goes through both models and is mirrored back."""
    model = make(test_cfg=dict(flip_test=True, output_heatmaps=True))
    a = by_hand(model, crops()).flatten(2).softmax(-1)
    b = by_hand(model, crops().flip(-1)).flatten(2).softmax(-1)
    for i, sample in enumerate(model.predict(crops(), samples())):
        for k in range(3):
            back = b[i, SWAPPED[k]].view(SIDE, SIDE).flip(-1)
            expected = (a[i, k].view(SIDE, SIDE) + back) / 2
            torch.testing.assert_close(sample.pred_fields.heatmaps[k], expected)


@torch.no_grad()
def test_another_denoiser() -> None:
    other = refiner()
    other['backbone'] = dict(type='rcn_mmpose.RCN', num_branches=3, in_channels=3)
    other['head']['in_channels'] = 16
    model = make(refiner=other)
    torch.testing.assert_close(model(crops(), None), by_hand(model, crops()))


@torch.no_grad()
def test_deployed() -> None:
    model = make(rounds=2)
    expected = model(crops(), None)
    model.switch_to_deploy()
    torch.testing.assert_close(model(crops(), None), expected)


def test_the_joint_model_is_not_trained() -> None:
    model = make()
    with pytest.raises(NotImplementedError, match='denoiser_300w.py'):
        model(crops(), samples(), mode='loss')


# ------------------------------------------------------- parts that differ


@pytest.mark.parametrize(
    ('options', 'shown'),
    [
        (
            dict(refiner=refiner(keypoints=4)),
            'predicts 3 keypoints, the refiner 4',
        ),
        (
            dict(head=head(16, keypoints=5)),
            'predicts 5 keypoints, the refiner 3',
        ),
        (dict(refiner=refiner(side=12)), 'of 16x16 cells, the .* 12x12'),
        (dict(head=head(16, side=32)), 'of 32x32 cells, the .* 16x16'),
        (dict(refiner=refiner()['backbone']), 'is a LargeKernelNet; give'),
        (dict(rounds=0), 'rounds=0'),
    ],
)
def test_network_and_denoiser_that_do_not_match(options: dict, shown: str) -> None:
    with pytest.raises(ValueError, match=shown):
        make(**options)


# ------------------------------------------------------------ checkpoints


class Trained:
    """A network, a denoiser and their checkpoints."""

    def __init__(self, folder: Path) -> None:
        model = make()
        state = model.state_dict()
        self.joint = {k: v + 0.01 for k, v in state.items()}
        self.meta = dict(dataset_meta=dict(dataset_name='mine'))
        refined = {
            k.removeprefix('refiner.'): v
            for k, v in self.joint.items()
            if k.startswith('refiner.')
        }
        network = {k: v for k, v in self.joint.items() if not k.startswith('refiner.')}
        self.paths = {}
        for name, state in (
            ('joint', self.joint),
            ('network', network),
            ('denoiser', refined),
        ):
            self.paths[name] = str(folder / f'{name}.pth')
            torch.save(dict(state_dict=state, meta=self.meta), self.paths[name])

    def check(self, model: JointEstimator) -> None:
        """Check that all weights equal those of the checkpoints."""
        for name, value in model.state_dict().items():
            assert torch.equal(value, self.joint[name]), name


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return Trained(tmp_path)


def test_one_checkpoint(trained: Trained) -> None:
    for other in (None, trained.paths['denoiser'], 'not read'):
        model = make(refiner_checkpoint=other)
        load_checkpoint(model, trained.paths['joint'])
        trained.check(model)


def test_two_checkpoints(trained: Trained) -> None:
    model = make(refiner_checkpoint=trained.paths['denoiser'])
    load_checkpoint(model, trained.paths['network'], strict=True)
    trained.check(model)
    # load_state_dict of PyTorch, with the model inside another module
    model = make(refiner_checkpoint=trained.paths['denoiser'])
    state = torch.load(trained.paths['network'])['state_dict']
    nn.ModuleDict(dict(a=model)).load_state_dict(
        {f'a.{name}': value for name, value in state.items()}
    )
    trained.check(model)
    # copies load their own weights
    model = make(refiner_checkpoint=trained.paths['denoiser'])
    other = copy.deepcopy(model)
    load_checkpoint(other, trained.paths['network'])
    trained.check(other)
    name = 'refiner.head.last_conv.bias'
    assert not torch.equal(model.state_dict()[name], trained.joint[name])


def test_a_missing_denoiser_checkpoint(trained: Trained) -> None:
    with pytest.raises(ValueError, match='model.refiner_checkpoint'):
        load_checkpoint(make(), trained.paths['network'])
    model = make(refiner_checkpoint='no/where.pth')
    with pytest.raises(FileNotFoundError, match="'no/where.pth' does not"):
        load_checkpoint(model, trained.paths['network'])


def test_a_checkpoint_of_another_model(trained: Trained) -> None:
    wider = refiner()
    wider['backbone']['kernel_size'] = 11
    for options, path, shown in (
        (dict(), 'network', '23 weights differ, such as backbone'),
        (dict(refiner=wider), 'denoiser', '3 weights differ, such as '),
    ):
        model = make(refiner_checkpoint=trained.paths[path], **options)
        with pytest.raises(ValueError, match=shown):
            load_checkpoint(model, trained.paths['network'])


# ---------------------------------------------------------------- configs


@pytest.mark.parametrize('name', ['joint_300w', 'joint_compact_300w'])
def test_configs(root: Path, name: str) -> None:
    cfg = Config.fromfile(str(root / 'configs' / f'{name}.py'))
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
        alone = Config.fromfile(
            str(root / 'configs' / f'{name.replace("joint", "denoiser")}.py')
        )
        denoiser = MODELS.build(alone.model)
        network = MODELS.build(
            Config.fromfile(str(root / 'configs' / 'rcn_300w.py')).model
        )
    shapes = {k: v.shape for k, v in model.state_dict().items()}
    assert shapes == {
        **{k: v.shape for k, v in network.state_dict().items()},
        **{f'refiner.{k}': v.shape for k, v in denoiser.state_dict().items()},
    }


def test_inference(root: Path, tmp_path: Path) -> None:
    """MMPose's inference on an image and a box; two checkpoints, or one."""
    cfg = Config.fromfile(str(root / 'configs' / 'joint_compact_300w.py'))
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        state = MODELS.build(cfg.model).state_dict()
    inside = 'refiner.'
    parts = dict(
        network={k: v for k, v in state.items() if not k.startswith(inside)},
        denoiser={
            k.removeprefix(inside): v for k, v in state.items() if k.startswith(inside)
        },
    )
    paths = {}
    for name, weights in parts.items():
        paths[name] = str(tmp_path / f'{name}.pth')
        meta = dict(dataset_meta=dict(dataset_name='300w'))
        torch.save(dict(state_dict=weights, meta=meta), paths[name])

    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3))
    box = np.array([[50, 40, 170, 160]])

    def predict(model: JointEstimator) -> np.ndarray:
        found = inference_topdown(model, image.astype(np.uint8), box)
        assert len(found) == 1
        return found[0].pred_instances.keypoints

    two = init_model(
        cfg,
        paths['network'],
        device='cpu',
        cfg_options={'model.refiner_checkpoint': paths['denoiser']},
    )
    keypoints = predict(two)
    assert keypoints.shape == (1, 68, 2)
    assert (keypoints >= [49, 39]).all() and (keypoints <= [171, 161]).all()

    path = str(tmp_path / 'joint.pth')
    meta = dict(dataset_meta=two.dataset_meta)
    torch.save(dict(state_dict=two.state_dict(), meta=meta), path)
    cfg = Config.fromfile(str(root / 'configs' / 'joint_compact_300w.py'))
    one = init_model(cfg, path, device='cpu')
    assert np.array_equal(predict(one), keypoints)
