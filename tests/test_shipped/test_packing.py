from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from torch import nn

from rcn_mmpose import load_model
from rcn_mmpose.lab.release import packing
from rcn_mmpose.lab.release.packing import (
    TrainedNetwork,
    add_denoiser,
    check_no_local_path,
    compare_halved,
    config_differences,
    half_weights,
    plain_values,
    read_trained_network,
    shipped_config,
    size_in_wheel,
    write_checkpoint,
)


def test_only_kernels_are_rounded(project: Path) -> None:
    before = torch.load(project / 'best.pth', weights_only=False)
    path = project / 'rcn_mmpose' / 'shipped' / 'models' / 'tiny-5.pth'
    after = torch.load(path, weights_only=True)
    assert after['state_dict'].keys() == before['state_dict'].keys()
    for name, weight in after['state_dict'].items():
        trained = before['state_dict'][name].numpy()
        if weight.ndim > 1:
            assert weight.dtype == torch.float16
            trained = trained.astype(np.float16)
        else:
            assert weight.dtype == torch.float32
        np.testing.assert_array_equal(weight, trained)
    described = after['meta']['dataset_meta']
    assert described['sigmas'] == [1.0] * 5  # not a NumPy array
    assert described['keypoint_id2name'][0] == 'left'


def test_averaged_weights_are_shipped(tmp_path: Path) -> None:
    """The checkpoint is written by the EMAHook of MMEngine."""
    model = nn.Linear(2, 1, bias=False)
    model.weight.data[:] = 1
    runner = SimpleNamespace(model=model, iter=0, epoch=0, max_iters=9, max_epochs=9)
    hook = EMAHook(momentum=0.25)
    hook.before_run(runner)
    hook.after_train_iter(runner, 0)  # the first average is a copy
    model.weight.data[:] = 5
    hook.after_train_iter(runner, 1)
    checkpoint = dict(state_dict=model.state_dict(), meta=dict(dataset_meta={}, cfg=''))
    hook.before_save_checkpoint(runner, checkpoint)
    torch.save(checkpoint, tmp_path / 'a.pth')
    found = read_trained_network(tmp_path / 'a.pth').weights
    average = 0.75 * 1 + 0.25 * 5
    assert found['weight'].tolist() == [[average, average]]


def test_files_that_are_not_training_checkpoints(tmp_path: Path) -> None:
    torch.save(dict(weight=torch.ones(1)), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='no state_dict'):
        read_trained_network(tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError, match='does not exist'):
        read_trained_network(tmp_path / 'b.pth')


def test_a_network_and_its_denoiser() -> None:
    one, two = torch.ones(1), torch.zeros(1)
    joint = add_denoiser(
        TrainedNetwork({'head.weight': one}, dict(a=1)),
        TrainedNetwork({'head.weight': two}, dict(a=2)),
    )
    assert joint.meta == dict(a=1)
    assert joint.weights == {
        'head.weight': one,
        'refiner.head.weight': two,
    }


def test_joint_model_from_two_checkpoints(small: ModuleType, tmp_path: Path) -> None:
    parts = dict(type='rcn_mmpose.JointEstimator', refiner=small.DENOISER)
    model = small.build(**parts)
    meta = torch.load(
        small.write_checkpoint(tmp_path / 'a.pth', small.config(), model),
        weights_only=False,
    )['meta']
    every = model.state_dict()
    network = TrainedNetwork(
        {k: v for k, v in every.items() if not k.startswith('refiner.')}, meta
    )
    denoiser = TrainedNetwork(model.refiner.state_dict(), meta)
    named = small.config(**parts, refiner_checkpoint='/home/a/denoiser.pth')
    config = shipped_config(named, network)
    assert 'refiner_checkpoint' not in config.model
    write_checkpoint(tmp_path / 'b.pth', add_denoiser(network, denoiser), config)
    crops = small.random_crops(3)
    rounded = load_model(tmp_path / 'b.pth').predict_crops(crops)
    model.load_state_dict(half_weights(every))
    path = small.write_checkpoint(tmp_path / 'c.pth', small.config(**parts), model)
    for ours, expected in zip(
        rounded, load_model(path).predict_crops(crops), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)


# ------------------------------------------------------------ the config


def test_keys_removed_from_the_config(small: ModuleType) -> None:
    training = TrainedNetwork({}, {})
    config = Config(
        dict(
            small.config(),
            work_dir='/home/a',
            load_from='/home/a/b.pth',
            optim_wrapper=dict(type='OptimWrapper'),
            custom_hooks=[dict(type='EMAHook')],
        )
    )
    kept = shipped_config(config, training)
    assert set(kept) == {'default_scope', 'model', 'test_dataloader'}
    assert kept.model == config.model
    assert 'work_dir' in config  # the input does not change


@pytest.mark.parametrize(
    'place', ['/data/faces', '~/faces', f'x:{Path.cwd()}', str(Path.home())]
)
def test_local_paths_are_an_error(small: ModuleType, place: str) -> None:
    config = small.config()
    config.test_dataloader.dataset.data_root = place
    name = 'test_dataloader.dataset.data_root'
    with pytest.raises(ValueError, match=f'{name}=.*path of this machine'):
        shipped_config(config, TrainedNetwork({}, {}))
    check_no_local_path(dict(a=['data/faces', 1, None]))
    with pytest.raises(ValueError, match=r'a\[1\]='):
        check_no_local_path(dict(a=['data/faces', place]))


def test_the_calibration_of_the_checkpoint_is_kept(small: ModuleType) -> None:
    calibrated = small.config()
    numbers = dict(temperature=1.5, covariance_scale=2.0)
    calibrated.model.head.decoder.calibration = numbers
    training = TrainedNetwork({}, dict(cfg=calibrated.pretty_text))
    kept = shipped_config(small.config(), training)
    assert kept.model.head.decoder.calibration == numbers
    assert config_differences(kept, training) == []


def test_differences_between_configs(small: ModuleType) -> None:
    trained = small.config()
    trained.model.head.decoder.target = 'four'
    trained.model.head.loss = dict(type='a', loss_weight=5.0)
    trained.model.data_preprocessor = dict(type='b')
    training = TrainedNetwork({}, dict(cfg=trained.pretty_text))
    assert config_differences(small.config(), training) == [
        "head.decoder.target: 'four' in the training, None in the config"
    ]


# ----------------------------------------------------------- the weights


def test_weights_out_of_range() -> None:
    assert half_weights({'a': torch.tensor(3)})['a'].dtype == torch.int64
    with pytest.raises(ValueError, match='b is not finite in 16 bits'):
        half_weights({'b': torch.full((2, 2), 7e4)})
    with pytest.raises(ValueError, match='c is not finite'):
        half_weights({'c': torch.tensor([torch.nan])})


class Fixed:
    """A model with fixed predictions."""

    def __init__(self, keypoints: np.ndarray, confidence: float) -> None:
        self.keypoints = keypoints
        self.confidence = np.full(keypoints.shape[:2], confidence)

    def predict_crops(self, crops: np.ndarray) -> tuple[np.ndarray, ...]:
        return self.keypoints, self.confidence


def test_the_shift_of_keypoints() -> None:
    crops = np.zeros((50, 40, 40), np.uint8)
    before = np.zeros((50, 4, 2))
    after = before.copy()
    after[..., 0] = 0.003
    after[0, 0] = 3, 4  # one of 200 keypoints moves by 5
    found = compare_halved(Fixed(before, 0.5), Fixed(after, 0.75), crops)
    assert found == dict(
        faces=50, median=0.003, percentile_99=0.003, largest=5, confidence=0.25
    )
    after[1, :3, 0] = 0.6  # four of 200 keypoints
    with pytest.raises(ValueError, match='moves by 0.600 pixels'):
        compare_halved(Fixed(before, 0.5), Fixed(after, 0.5), crops)
    after[:] = np.nan
    with pytest.raises(ValueError, match='moves by nan'):
        compare_halved(Fixed(before, 0.5), Fixed(after, 0.5), crops)


def test_a_different_onnx_is_an_error(
    small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small.write_checkpoint(tmp_path / 'a.pth', small.config(), small.build())
    config = shipped_config(small.config(), TrainedNetwork({}, {}))
    write_checkpoint(path, read_trained_network(path), config)
    monkeypatch.setattr(packing, 'TOLERANCES', dict(confidence=-1))
    with pytest.raises(ValueError, match='ONNX Runtime differs'):
        packing.write_onnx(load_model(path), path, small.random_crops(2))


def test_plain_values() -> None:
    value = dict(a=np.ones(2), b=(np.float32(0.5), [np.int64(3)]), c='d')
    found = plain_values(value)
    assert found == dict(a=[1.0, 1.0], b=(0.5, [3]), c='d')
    assert type(found['b'][0]) is float and type(found['b'][1][0]) is int


def test_size_in_a_wheel(tmp_path: Path) -> None:
    from zipfile import ZIP_DEFLATED, ZipFile

    content = bytes(range(256)) * 40 + np.random.default_rng(0).bytes(5000)
    (tmp_path / 'a').write_bytes(content)
    with ZipFile(tmp_path / 'a.zip', 'w', ZIP_DEFLATED) as archive:
        archive.write(tmp_path / 'a')
        (info,) = archive.infolist()
    # the header and the checksum of zlib have six bytes
    assert abs(size_in_wheel([tmp_path / 'a']) - info.compress_size) <= 6
