"""Train a model: ``python tools/train.py configs/rcn_aflw.py``."""

import argparse
import os

from rcn_mmpose import compat

compat.activate()

import torch
from mmengine.config import Config
from mmengine.runner import Runner, find_latest_checkpoint

from rcn_mmpose.device_data.switch import use_device_data
from rcn_mmpose.engine.arguments import add_common_arguments, load_config
from rcn_mmpose.engine.config_edits import scale_by_root
from rcn_mmpose.engine.cpu_amp import amp_pays
from rcn_mmpose.engine.distributed import (
    check_batch,
    entry_point,
    init_distributed,
)
from rcn_mmpose.engine.hooks import check_compiler
from rcn_mmpose.environment.malloc import keep_freed_memory


def parse_args() -> argparse.Namespace:
    """Read the command line; MMPose's arguments."""
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file of the experiment')
    add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint, or without a path from the latest '
        'in the work folder',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='always',
        choices=['always', 'auto'],
        help='mixed precision: float16 on a GPU, bfloat16 on a CPU; with '
        '"auto" only on one that computes in it natively',
    )
    parser.add_argument(
        '--device-data',
        nargs='?',
        const='',
        metavar='FOLDER',
        help='decode the training images once into a cache of crops, and '
        'augment whole batches on the device; the cache lies in FOLDER '
        '(default: cache, beside the data)',
    )
    parser.add_argument(
        '--compile',
        nargs='?',
        const='default',
        choices=['default', 'reduce-overhead', 'max-autotune'],
        help='compile the network; "reduce-overhead" takes CUDA graphs. '
        'Slower on a CPU, see docs/performance.md',
    )
    parser.add_argument(
        '--recipe',
        metavar='CONFIG',
        help='take length, optimiser and learning rates of the training from '
        'this config, such as configs/_base_/adamw_30_epochs.py',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='skip the validation'
    )
    parser.add_argument(
        '--auto-scale-lr',
        nargs='?',
        const='linear',
        choices=['linear', 'sqrt'],
        help='scale the learning rate with the total batch size (default: '
        'linear), or with its square root, the rule for AdamW',
    )
    return parser.parse_args()


def use_amp(cfg: Config) -> None:
    """Switch the optimiser wrapper to mixed precision.

    Raises:
        ValueError: If the config uses a wrapper of another kind.
    """
    wrapper = cfg.optim_wrapper
    if wrapper.setdefault('type', 'OptimWrapper') == 'OptimWrapper':
        if torch.cuda.is_available():
            wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
        else:
            wrapper.type = 'rcn_mmpose.CPUAmpOptimWrapper'
    elif not wrapper.type.endswith('AmpOptimWrapper'):
        raise ValueError(
            f'--amp cannot change an optim_wrapper of type {wrapper.type!r}; '
            'it goes with OptimWrapper.'
        )


def use_compiler(cfg: Config, mode: str) -> None:
    """Let the run compile its network, as ``mode`` of ``torch.compile``.

    Raises:
        ValueError: If there is no compiler.
    """
    check_compiler()
    hooks = cfg.get('custom_hooks') or []
    kind = 'rcn_mmpose.CompileHook'  # a config written by a run has it
    cfg.custom_hooks = [x for x in hooks if x.get('type') != kind]
    cfg.custom_hooks.append(dict(type=kind, mode=mode))


@entry_point
def main() -> None:
    """Train."""
    args = parse_args()
    keep_freed_memory()
    cfg = load_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        # without a validation there is no best checkpoint
        cfg.default_hooks.checkpoint.pop('save_best', None)
    if args.amp == 'always' or args.amp == 'auto' and amp_pays():
        use_amp(cfg)
    if args.resume == 'auto':
        # weights to begin with count where there is nothing to go on from
        cfg.resume = find_latest_checkpoint(cfg.work_dir) is not None
        if cfg.resume:
            cfg.load_from = None
    elif args.resume:
        cfg.resume = True
        cfg.load_from = args.resume
    if args.compile:
        use_compiler(cfg, args.compile)
    if args.auto_scale_lr == 'linear':
        cfg.auto_scale_lr.enable = True
    init_distributed(cfg)
    if args.device_data is not None:
        use_device_data(cfg, args.device_data or None)
    scaled = ''
    if args.auto_scale_lr == 'sqrt':
        alone = cfg.launcher == 'none'
        processes = 1 if alone else int(os.environ['WORLD_SIZE'])
        scaled = scale_by_root(cfg, processes)
    runner = Runner.from_cfg(cfg)
    if warning := scaled or check_batch(cfg, runner.world_size):
        runner.logger.warning(warning)
    runner.train()


if __name__ == '__main__':
    main()
