"""The program that test_distributed.py runs in each of two processes.

Usage under a launcher: python one_rank.py DATA_ROOT FOLDER
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

from rcn_mmpose import compat

compat.activate()

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_dist_info
from mmengine.registry import MODEL_WRAPPERS, init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS

from rcn_mmpose.engine.distributed import entry_point, init_distributed
from rcn_mmpose.registry import HOOKS

CONFIG = Path(__file__).parents[2] / 'configs' / 'rcn_aflw.py'
AUGMENTATION = ('rcn_mmpose.UniformJitter', 'rcn_mmpose.RandomOcclusion')


def read_config(data: str, launcher: str = 'none') -> Config:
    """Config of a small network on a few faces, without validation."""
    cfg = Config.fromfile(str(CONFIG))
    cfg.launcher = launcher
    cfg.log_level = 'WARNING'
    cfg.model.backbone.num_branches = 4
    cfg.train_dataloader.update(batch_size=8, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.data_root = data
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.pop('save_best')
    return cfg


def without_augmentation(cfg: Config) -> Config:
    cfg = copy.deepcopy(cfg)
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline = [
        step for step in dataset.pipeline if step.type not in AUGMENTATION
    ]
    return cfg


def gradients(cfg: Config) -> dict[str, torch.Tensor]:
    """Gradients of one step on all faces, in double precision."""
    rank, world = get_dist_info()
    init_default_scope('mmpose')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    faces = [dataset[i] for i in range(rank, len(dataset), world)]
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    data = model.data_preprocessor(pseudo_collate(faces), training=True)
    model.double()
    wrapped = model
    if world > 1:
        wrapped = MODEL_WRAPPERS.build(
            dict(cfg.model_wrapper_cfg), default_args=dict(module=model)
        )
    # In a training this hook also runs after the wrapper is created.
    HOOKS.build(dict(type='rcn_mmpose.ChannelsLastHook')).before_run(
        SimpleNamespace(model=wrapped)
    )
    losses = wrapped(data['inputs'].double(), data['data_samples'], mode='loss')
    losses['loss_kpt'].backward()
    return {name: p.grad for name, p in model.named_parameters()}


def draws(cfg: Config, folder: Path, workers: int) -> list[tuple[int, float]]:
    """Index and rotation of each face in the epoch of this rank."""
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(folder / f'draws_{workers}')
    cfg.train_dataloader.num_workers = workers
    pack = cfg.train_dataloader.dataset.pipeline[-1]
    pack.meta_keys = ('id', 'bbox_rotation')
    return [
        (sample.id, sample.bbox_rotation.item())
        for batch in Runner.from_cfg(cfg).train_dataloader
        for sample in batch['data_samples']
    ]


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.detach().clone() for k, v in model.state_dict().items()}


def train(cfg: Config, folder: Path, epochs: int, resume: bool) -> dict:
    """Train with EMA, accumulation, AMP and a buffer to synchronise.

    Returns:
        dict: Weights before and after the training, weights of the EMA, and the
        buffer, whose initial value was the rank.
    """
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(folder)
    cfg.experiment_name = f'{folder.name}_{epochs}'
    cfg.train_cfg.max_epochs = epochs
    cfg.resume = resume
    cfg.optim_wrapper.update(
        type='rcn_mmpose.CPUAmpOptimWrapper', accumulative_counts=2
    )
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.1))
    runner = Runner.from_cfg(cfg)
    model = runner.model.module
    model.register_buffer('noted', torch.tensor(float(runner.rank)), persistent=False)
    ema = next(hook for hook in runner.hooks if hasattr(hook, 'ema_cfg'))
    seen = {}
    ema.before_train = lambda runner: seen.update(before=weights(model))
    runner.train()
    return dict(
        seen,
        after=weights(model),
        ema=weights(ema.ema_model.module),
        noted=model.noted.item(),
    )


@entry_point
def main() -> None:
    data, folder = sys.argv[1], Path(sys.argv[2])
    cfg = read_config(data, 'pytorch')
    init_distributed(cfg)
    plain = without_augmentation(cfg)
    found = dict(
        gradients=gradients(plain),
        draws_0=draws(cfg, folder, workers=0),
        draws_2=draws(cfg, folder, workers=2),
        straight=train(plain, folder / 'straight', 2, resume=False),
        begun=train(plain, folder / 'resumed', 1, resume=False),
        resumed=train(plain, folder / 'resumed', 2, resume=True),
    )
    torch.save(found, folder / f'rank_{get_dist_info()[0]}.pt')


if __name__ == '__main__':
    main()
