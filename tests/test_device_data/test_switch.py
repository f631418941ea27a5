"""Switching a config to device data, and training with it."""

from __future__ import annotations

import copy
import json
import resource
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS

from rcn_mmpose.device_data.switch import use_device_data

CONFIGS = Path(__file__).parents[2] / 'configs'
CHANCE = ('rcn_mmpose.UniformJitter', 'rcn_mmpose.RandomOcclusion')


@pytest.fixture(autouse=True)
def scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the default scope of a run after its test."""
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())


@pytest.fixture
def cfg(converted: Path) -> Config:
    """Config of a small network on a few faces."""
    cfg = Config.fromfile(CONFIGS / 'rcn_aflw.py')
    cfg.log_level = 'WARNING'
    cfg.model.backbone.num_branches = 4
    cfg.train_cfg.max_epochs = 2
    cfg.train_dataloader.update(batch_size=5)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = f'{converted}/'
        # Avoids a slow garbage collection.
        loader.dataset.serialize_data = False
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    # Writing the config into checkpoints is slow.
    cfg.default_hooks.checkpoint.pop('save_best')
    # Each run has a separate work folder.
    cfg.visualizer = dict(type='PoseLocalVisualizer', vis_backends=[])
    return cfg


# ------------------------------------------------------------------ switching


def test_switched_settings(cfg: Config, converted: Path) -> None:
    before = copy.deepcopy(cfg)
    cfg.train_dataloader.update(
        num_workers=2, persistent_workers=True, prefetch_factor=4
    )
    assert use_device_data(cfg)
    loader = cfg.train_dataloader
    plain = before.train_dataloader.dataset
    assert loader.pop('dataset') == dict(
        type='rcn_mmpose.CachedFaceDataset',
        dataset={**plain, 'pipeline': plain.pipeline[:2]},
        crop_size=160,
        extent=pytest.approx(1.6406, abs=1e-4),
        cache_dir=None,
    )
    assert loader == dict(
        batch_size=5,
        num_workers=0,
        drop_last=False,
        sampler=dict(type='rcn_mmpose.EpochSampler', shuffle=True, seed=0),
    )
    assert cfg.model.data_preprocessor == dict(
        type='rcn_mmpose.CropCachePreprocessor', pipeline=plain.pipeline[2:]
    )
    for key in before:
        if key not in ('train_dataloader', 'model'):
            assert cfg[key] == before[key], key
    assert (converted / 'cache').is_dir()


def test_a_saved_config_can_be_switched_again(cfg: Config, tmp_path: Path) -> None:
    """A run saves the switched config."""
    assert use_device_data(cfg)
    cfg.dump(tmp_path / 'switched.py')
    again = Config.fromfile(tmp_path / 'switched.py')
    assert use_device_data(again)
    assert again.to_dict() == cfg.to_dict()


def test_settings_that_are_kept(cfg: Config, tmp_path: Path) -> None:
    cfg.model.data_preprocessor.batch_floor_in_training = True
    cfg.train_dataloader.sampler.seed = 9
    assert use_device_data(cfg, cache_dir=str(tmp_path / 'mine'))
    assert cfg.model.data_preprocessor.batch_floor_in_training
    assert cfg.train_dataloader.sampler.seed == 9
    assert list((tmp_path / 'mine').glob('crops_mtfl_train_*/crops.npy'))


def test_without_a_seed_the_runner_chooses(cfg: Config) -> None:
    cfg.randomness = dict(seed=None)
    assert use_device_data(cfg)
    assert 'seed' not in cfg.train_dataloader.sampler


@pytest.mark.parametrize(
    'name',
    [
        'rcn_300w.py',
        'rcn_afw.py',
        'rcn_synthetic.py',
        'rcn_wflw.py',
        'paper/aflw_rcn_6.py',
        'paper/300w_rcn_5.py',
    ],
)
def test_configs_of_the_project(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each config can be switched; only the data are missing."""
    monkeypatch.setattr(DATASETS, 'build', lambda config: None)
    cfg = Config.fromfile(CONFIGS / name)
    steps = len(cfg.train_dataloader.dataset.pipeline)
    assert use_device_data(cfg)
    assert cfg.train_dataloader.dataset.crop_size == 160
    assert len(cfg.train_dataloader.dataset.dataset.pipeline) == 2
    assert len(cfg.model.data_preprocessor.pipeline) == steps - 2


def test_a_cache_that_cannot_be_written(cfg: Config, tmp_path: Path) -> None:
    """The config stays unchanged, and a warning names the reason."""
    before = copy.deepcopy(cfg)
    (tmp_path / 'file').write_text('')
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'rcn_mmpose.device_data.switch.print_log',
            lambda text, *_: said.append(text),
        )
        assert not use_device_data(cfg, cache_dir=str(tmp_path / 'file' / 'x'))
    assert cfg.to_dict() == before.to_dict()
    (text,) = said
    assert 'no crop cache' in text and 'without the crop cache' in text


def test_the_disk_fills_up(cfg: Config, tmp_path: Path) -> None:
    """The config stays unchanged, and no incomplete cache remains."""
    before = copy.deepcopy(cfg)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:  # 12 crops of 160x160 take 307,200 bytes
        done = use_device_data(cfg, cache_dir=str(tmp_path / 'caches'))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not done
    assert cfg.to_dict() == before.to_dict()
    assert [x.suffix for x in (tmp_path / 'caches').iterdir()] == ['.lock']
    assert use_device_data(cfg, cache_dir=str(tmp_path / 'caches'))


def test_two_processes(converted: Path, fresh: Callable, tmp_path: Path) -> None:
    """One process builds the cache. If one process cannot, no process uses it."""
    done = fresh(
        *('-m', 'rcn_mmpose.environment.launch', '--nproc-per-node=2'),
        Path(__file__).parents[1] / 'test_engine' / 'one_rank_with_cache.py',
        *(f'{converted}/', tmp_path),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ranks = [
        json.loads((tmp_path / f'rank_{rank}.json').read_text()) for rank in (0, 1)
    ]
    assert [found['together'] for found in ranks] == [True, True]
    # Rank 0 also builds a second cache, which is not used.
    assert sum(found['built'] for found in ranks) == 2
    for found in ranks:
        assert not found['alone']
        assert found['kind'] == 'rcn_mmpose.MTFLDataset'


def put(cfg: Config, place: str, value: object) -> None:
    cfg.merge_from_dict({place: value})


@pytest.mark.parametrize(
    ('place', 'value', 'match'),
    [
        (
            'train_dataloader.sampler.type',
            'InfiniteSampler',
            "sampler.type is 'InfiniteSampler'.*EpochSampler'",
        ),
        (
            'train_dataloader.collate_fn',
            dict(type='default_collate'),
            'collate_fn.*default_collate',
        ),
        (
            'train_dataloader.batch_sampler',
            dict(type='X'),
            'batch_sampler is .*needs None',
        ),
        (
            'model.data_preprocessor.type',
            'PoseDataPreprocessor',
            'PoseDataPreprocessor.*LCNDataPreprocessor',
        ),
        (
            'train_dataloader.dataset.dataset',
            dict(type='MTFLDataset'),
            'MTFLDataset around others',
        ),
        ('default_hooks.sampler_seed', None, 'DistSamplerSeedHook'),
    ],
)
def test_settings_that_device_data_does_not_support(
    cfg: Config, place: str, value: object, match: str
) -> None:
    put(cfg, place, value)
    before = copy.deepcopy(cfg)
    with pytest.raises(ValueError, match=match):
        use_device_data(cfg)
    assert cfg.to_dict() == before.to_dict()


def test_a_config_without_training(cfg: Config) -> None:
    cfg.train_dataloader = None
    with pytest.raises(ValueError, match='no train_dataloader'):
        use_device_data(cfg)


def test_a_transform_without_a_batched_version(cfg: Config) -> None:
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[2] = dict(type='RandomBBoxTransform')
    with pytest.raises(ValueError, match='RandomBBoxTransform.*UniformJit'):
        use_device_data(cfg)
    pipeline[0] = dict(type='LoadImage')
    with pytest.raises(ValueError, match='LoadImage.*LoadGreyImage'):
        use_device_data(cfg)
    pipeline[0] = dict(
        type='rcn_mmpose.LoadGreyImage', backend_args=dict(backend='local')
    )
    with pytest.raises(ValueError, match='backend_args.*local disk'):
        use_device_data(cfg)


# ----------------------------------- comparison with per-sample transforms


def test_without_augmentation_both_pipelines_agree(cfg: Config) -> None:
    """Compare crops from the cache with crops from the image."""
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline = [s for s in dataset.pipeline if s.type not in CHANCE]
    cfg.codec = dict(cfg.codec, target='four')
    next(s for s in dataset.pipeline if s.type == 'GenerateTarget').encoder = cfg.codec
    cfg.train_dataloader.sampler.shuffle = False
    cfg.train_dataloader.batch_size = 12
    batches = []
    for switch in (False, True):
        if switch:
            assert use_device_data(cfg)
        with DefaultScope.overwrite_default_scope('mmpose'):
            loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
            module = MODELS.build(cfg.model.data_preprocessor)
        batches.append(module(next(iter(loader)), True))
    plain, ours = batches
    assert plain['inputs'].shape == ours['inputs'].shape
    # The tolerance is relative to the standard deviation after LCN.
    difference = (plain['inputs'] - ours['inputs']).abs()
    assert difference.mean() < 0.2 * plain['inputs'].std()
    labels = [
        {
            name: torch.cat([s.gt_instance_labels.get(name) for s in b['data_samples']])
            for name in ('keypoint_cells', 'keypoint_cell_weights')
        }
        for b in batches
    ]
    positions = [
        (
            torch.stack((x['keypoint_cells'] % 80, x['keypoint_cells'] // 80))
            * x['keypoint_cell_weights']
        ).sum(-1)
        for x in labels
    ]
    torch.testing.assert_close(*positions, atol=2e-3, rtol=0)


def images(cfg: Config, epoch: int, **options: object) -> torch.Tensor:
    """All training images of an epoch."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        loader = Runner.build_dataloader({**cfg.train_dataloader, **options})
        module = MODELS.build(cfg.model.data_preprocessor)
    loader.sampler.set_epoch(epoch)
    return torch.cat([module(batch, True)['inputs'] for batch in loader])


def test_withheld_labels(cfg: Config) -> None:
    """The faces without labels do not depend on random numbers."""
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline.insert(-2, dict(type='rcn_mmpose.WithholdLabels', kept=0.25))
    assert use_device_data(cfg)
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    labelled = np.flatnonzero(dataset.cache.visible.any(1))
    assert labelled.tolist() == [3, 7, 11]


def test_workers_and_batch_size_do_not_change_the_images(cfg: Config) -> None:
    assert use_device_data(cfg)
    alone = images(cfg, 3)
    workers = images(cfg, 3, num_workers=2)
    assert torch.equal(workers, alone)
    other = images(cfg, 3, batch_size=12)
    torch.testing.assert_close(other, alone)
    assert (images(cfg, 4) - alone).abs().mean() > 0.01


# ------------------------------------------------------------------- training


@pytest.fixture
def train(cfg: Config, tmp_path: Path) -> Callable[..., tuple]:
    """A function that trains and returns images, the last weights and the runner."""
    assert use_device_data(cfg)

    def run(folder: str, **changes: object) -> tuple[list, dict, Runner]:
        settings = copy.deepcopy(cfg)
        settings.work_dir = str(tmp_path / folder)
        settings.experiment_name = f'{folder}_{len(changes)}'
        settings.merge_from_dict(changes)
        runner = Runner.from_cfg(settings)
        seen: list[torch.Tensor] = []
        runner.model.data_preprocessor.register_forward_hook(
            lambda module, data, made: (
                seen.append(made['inputs'].clone()) if 'crop_cache' in data[0] else None
            )
        )
        runner.train()
        return seen, runner.model.state_dict(), runner

    return run


@pytest.mark.slow
def test_a_resumed_training_is_the_same(train: Callable) -> None:
    whole, weights, runner = train('whole')
    assert len(whole) == 2 * 3  # 12 faces in batches of 5
    assert [len(x) for x in whole] == [5, 5, 2] * 2
    # The validation uses the per-sample transforms.
    errors = runner.message_hub.get_scalar('val/NME_pixels_eye_points')
    assert np.isfinite(errors.current())

    first, _, _ = train('parts', **{'train_cfg.max_epochs': 1})
    second, resumed, _ = train('parts', resume=True)
    for a, b in zip(whole, first + second, strict=True):
        assert torch.equal(a, b)
    for name, value in weights.items():
        torch.testing.assert_close(resumed[name], value)
    # Another epoch has other images.
    assert not torch.equal(
        torch.cat(first).sort(0).values, torch.cat(second).sort(0).values
    )
